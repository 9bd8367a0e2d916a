import { describe, expect, test } from 'vitest';

import { createTestClock, silentLogger } from '../base/index.ts';
import type { ServerListing } from '../exchange/index.ts';
import { type RawJson, rawOf, scanObject } from '../wire/index.ts';
import { ClassListings, classLimits } from './class-listings.ts';
import type { Conversation } from './conversation.ts';

const can = (name: string): RawJson => rawOf({ [name]: {} });
const toolNamed = (name: string): RawJson => rawOf({ name, inputSchema: { type: 'object' } });
const capabilities = scanObject('{"tools":{}}' as RawJson) ?? expect.fail('no object');
const about = {
  era: 'legacy',
  revision: '2025-06-18',
  serverInfo: undefined,
  instructions: undefined,
  capabilities,
} as const;

function listing(...names: string[]): ServerListing {
  return { ...about, tools: names.map(toolNamed), resources: [], resourceTemplates: [], prompts: [], problems: [] };
}

/** A conversation whose client sees these tools. */
function seeing(...names: string[]): Conversation {
  const result = scanObject(rawOf({ tools: names.map((name) => ({ name, inputSchema: { type: 'object' } })) }));
  return {
    ...about,
    request: () => Promise.resolve({ kind: 'result', result, era: 'legacy', server: 's' }),
  } as unknown as Conversation;
}

function setUp() {
  const clock = createTestClock();
  let base: ServerListing | undefined = listing('a');
  let changes = 0;
  const classes = new ClassListings({
    lists: { key: 'ns/s', log: silentLogger, clock },
    base: () => base,
    changed: () => changes++,
  });
  const names = (declared: RawJson) =>
    classes.of(declared)?.tools.map((tool) => (JSON.parse(tool) as { name: string }).name);
  return { clock, classes, names, changes: () => changes, unlist: () => (base = undefined) };
}

describe('what a legacy server shows to a class of clients', () => {
  test('HT-0.06 is read once for all of the class, and nobody else sees it', async () => {
    const { classes, names, changes } = setUp();
    let opened = 0;
    const open = (): Promise<Conversation> => {
      opened++;
      return Promise.resolve(seeing('a', 'ask'));
    };
    const [first, second] = [classes.learn(can('elicitation'), open), classes.learn(can('elicitation'), open)];
    expect(second).toBe(first);
    await first;
    expect([opened, changes(), classes.any]).toEqual([1, 1, true]);
    expect(names(can('elicitation'))).toEqual(['a', 'ask']);
    // What the hub does not carry makes no class of its own.
    expect(names(rawOf({ elicitation: {}, tasks: {} }))).toEqual(['a', 'ask']);
    expect(names(can('sampling'))).toBeUndefined();
    expect(names('{}' as RawJson)).toBeUndefined();
    expect(classes.learn(can('elicitation'), open)).toBeUndefined();
    expect(classes.learn('{}' as RawJson, open)).toBeUndefined();
  });

  test('is nothing of its own when it is what everybody sees', async () => {
    const { classes, names, changes } = setUp();
    await classes.learn(can('roots'), () => Promise.resolve(seeing('a')));
    expect([names(can('roots')), classes.any, changes()]).toEqual([undefined, false, 0]);
  });

  test('a change is read again, told once, and only of a class that is known', async () => {
    const { classes, names, changes } = setUp();
    classes.listsChanged(can('roots'), seeing('a', 'x'));
    await classes.learn(can('roots'), () => Promise.resolve(seeing('a', 'b')));
    classes.listsChanged(can('roots'), seeing('a', 'b'));
    await settle();
    expect(changes()).toBe(1);
    classes.listsChanged(can('roots'), seeing('a', 'b', 'c'));
    await settle();
    expect([names(can('roots')), changes()]).toEqual([['a', 'b', 'c'], 2]);
    classes.listsChanged(can('roots'), seeing('a'));
    await settle();
    expect([names(can('roots')), changes(), classes.any]).toEqual([undefined, 3, false]);
    classes.forget();
    expect(classes.size).toBe(0);
  });

  test('what cannot be read leaves what everybody sees, and is not tried again at once', async () => {
    const { clock, classes, names } = setUp();
    const none = (): Promise<undefined> => Promise.resolve(undefined);
    await classes.learn(can('roots'), none);
    expect(names(can('roots'))).toBeUndefined();
    expect(classes.learn(can('roots'), none)).toBeUndefined();
    await clock.advance(classLimits.failedMs);
    await classes.learn(can('roots'), () => Promise.resolve(seeing('a', 'z')));
    expect(names(can('roots'))).toEqual(['a', 'z']);
  });

  test('while the server itself is not listed there is nothing to compare with', () => {
    const { classes, unlist } = setUp();
    unlist();
    expect(classes.learn(can('roots'), () => Promise.reject(new Error('not asked')))).toBeUndefined();
  });

  test('classes are bounded: the one learned first makes room, but not at once', async () => {
    const { clock, classes, names } = setUp();
    for (let n = 0; n < classLimits.classes; n++)
      await classes.learn(rawOf({ experimental: { n } }), () => Promise.resolve(seeing('a', `t${n}`)));
    const last = rawOf({ experimental: { n: classLimits.classes } });
    const open = (): Promise<Conversation> => Promise.resolve(seeing('a', `t${classLimits.classes}`));
    await clock.advance(classLimits.keptMs - 1);
    expect(classes.learn(last, open)).toBeUndefined();
    expect(names(last)).toBeUndefined();
    await clock.advance(1);
    await classes.learn(last, open);
    expect(classes.size).toBe(classLimits.classes);
    expect(names(rawOf({ experimental: { n: 0 } }))).toBeUndefined();
    expect(names(rawOf({ experimental: { n: classLimits.classes } }))).toEqual(['a', `t${classLimits.classes}`]);
    for (let n = 0; n <= classLimits.declarations; n++) classes.of(rawOf({ experimental: { n } }));
    expect(names(rawOf({ experimental: { n: 1 } }))).toEqual(['a', 't1']);
  });
});

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
