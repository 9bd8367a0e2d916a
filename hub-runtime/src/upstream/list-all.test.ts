import { describe, expect, test } from 'vitest';

import { createTestClock, silentLogger } from '../base/index.ts';
import { hubError } from '../exchange/index.ts';
import { decodeText, type RawJson } from '../wire/index.ts';
import { announcesTools, listAll, ListFailure, listLimits, listSome, sameListing, summaryOf } from './list-all.ts';
import { FakeConversation } from './testing/index.ts';

const deps = { key: 'default/files', log: silentLogger, clock: createTestClock() };
const everything = { tools: { listChanged: true }, resources: {}, prompts: {} };

/** Answers lists page by page: `pages[method]` holds the results in order; the cursor is the number of the next one. */
class PagedConversation extends FakeConversation {
  readonly asked: string[] = [];
  pages: Record<string, readonly object[]> = {};

  constructor(capabilities: object = everything) {
    super({ purpose: 'primary', caller: undefined, verdict: undefined }, capabilities);
  }

  override async request(method: string, params = '{}' as RawJson) {
    this.asked.push(`${method} ${params}`);
    const own = await this.onRequest?.(method);
    if (own !== undefined) return own;
    const cursor = /"cursor":"(\d+)"/.exec(params)?.[1];
    return this.result(this.pages[method]?.[Number(cursor ?? 0)] ?? {});
  }
}

function paged(): PagedConversation {
  const one = new PagedConversation();
  one.pages = {
    'tools/list': [
      { tools: [{ name: 'a' }, { name: 'ä' }], nextCursor: '1', ttlMs: 5_000 },
      { tools: [{ name: 'c' }], ttlMs: 1_000 },
    ],
    'resources/list': [{ resources: [{ uri: 'file:///a' }] }],
    'resources/templates/list': [{ resourceTemplates: [] }],
    'prompts/list': [{ prompts: [{ name: 'p' }], nextCursor: null }],
  };
  return one;
}

describe('reading what a server offers', () => {
  test('follows cursors, keeps the bytes of entries, and remembers how long they stay good', async () => {
    const { listing, failed, ttlMs } = await listAll(paged(), deps);
    expect(listing.tools.map((one) => decodeText(one))).toEqual(['{"name":"a"}', '{"name":"ä"}', '{"name":"c"}']);
    expect([listing.resources.length, listing.prompts.length, failed.size, ttlMs]).toEqual([1, 1, 0, 5_000]);
    expect(summaryOf(listing)).toBe('speaks 2026-07-28; 3 tools, 1 prompt, 1 resource');
    expect(announcesTools(listing)).toBe(true);
  });

  test('EF-26 checklist 41: of all pages of a list the shortest time and the strictest scope', async () => {
    const one = new PagedConversation();
    one.pages = {
      'tools/list': [
        { tools: [], nextCursor: '1', ttlMs: 5_000, cacheScope: 'public' },
        { tools: [], ttlMs: 1_000, cacheScope: 'public' },
      ],
      'resources/list': [{ resources: [], ttlMs: 9e15, cacheScope: 'private' }],
      'resources/templates/list': [{ resourceTemplates: [] }],
      'prompts/list': [{ prompts: [], ttlMs: -5, cacheScope: 'public' }],
    };
    const now = deps.clock.monotonic();
    const { listing } = await listAll(one, deps);
    expect(listing.hints).toEqual({
      tools: { freshUntil: now + 1_000, isPublic: true },
      resources: { freshUntil: now + 24 * 3_600_000, isPublic: false },
      resourceTemplates: { freshUntil: now, isPublic: false },
      prompts: { freshUntil: now, isPublic: true },
    });
    const { listing: next } = await listSome(one, ['prompts'], listing, deps);
    expect(Object.keys(next.hints ?? {}).toSorted()).toEqual(['prompts', 'resourceTemplates', 'resources', 'tools']);
  });

  test('asks only for what is declared', async () => {
    const one = new PagedConversation({ prompts: {} });
    one.pages = { 'prompts/list': [{ prompts: [] }] };
    const { listing } = await listAll(one, deps);
    expect(one.asked).toEqual(['prompts/list {}']);
    expect(summaryOf(listing)).toBe('speaks 2026-07-28; offers nothing');
    expect(announcesTools(listing)).toBe(false);
  });

  test('tools that cannot be listed are a failed start; other lists stay empty', async () => {
    const one = paged();
    one.onRequest = (method) =>
      method === 'prompts/list' ? hubError('QM_CALL_TIMEOUT', { server: 's', ms: 1 }) : undefined;
    const { listing, failed } = await listAll(one, deps);
    expect([listing.prompts.length, [...failed.keys()]]).toEqual([0, ['prompts']]);
    one.onRequest = () => hubError('QM_CALL_TIMEOUT', { server: 's', ms: 1 });
    await expect(listAll(one, deps)).rejects.toThrow(ListFailure);
  });

  test('a declared capability need not cover all of its lists', async () => {
    const one = paged();
    one.onRequest = (method) =>
      method === 'resources/templates/list'
        ? { kind: 'error', origin: 'server', code: -32_601, message: 'no', data: undefined, httpStatus: 404 }
        : undefined;
    const { failed } = await listAll(one, deps);
    expect(failed.size).toBe(0);
  });

  test.each([
    ['no array', { tools: {} }],
    ['nothing', {}],
    ['a cursor that is no string', { tools: [], nextCursor: 5 }],
  ])('rubbish is a failure: %s', async (_name, page) => {
    const one = paged();
    one.pages['tools/list'] = [page];
    await expect(listAll(one, deps)).rejects.toThrow(ListFailure);
  });

  test('reading some lists again keeps the others, and the old one where it fails', async () => {
    const one = paged();
    const { listing } = await listAll(one, deps);
    one.pages['tools/list'] = [{ tools: [{ name: 'new' }] }];
    const again = await listSome(one, ['tools'], listing, deps);
    expect(again.listing).toMatchObject({ tools: ['{"name":"new"}'], prompts: listing.prompts });
    expect(sameListing(listing, again.listing)).toBe(false);
    one.onRequest = () => hubError('QM_CALL_TIMEOUT', { server: 's', ms: 1 });
    const failed = await listSome(one, ['tools'], again.listing, deps);
    expect(sameListing(failed.listing, again.listing)).toBe(true);
  });
});

describe('bounds', () => {
  test('entries: at the limit all, one more is cut and said so', async () => {
    const one = paged();
    const tools = Array.from({ length: listLimits.entries }, (_, n) => ({ name: `t${n}` }));
    one.pages['tools/list'] = [{ tools }];
    const exact = await listAll(one, deps);
    expect([exact.listing.tools.length, exact.listing.problems]).toEqual([listLimits.entries, []]);
    one.pages['tools/list'] = [{ tools: [...tools, { name: 'more' }] }];
    const cut = await listAll(one, deps);
    expect(cut.listing.tools).toHaveLength(listLimits.entries);
    expect(cut.listing.problems).toMatchObject([{ reason: 'TooMany', name: 'tools', serverKeys: ['default/files'] }]);
    expect(sameListing(exact.listing, cut.listing)).toBe(false);
    one.pages['tools/list'] = [{ tools }];
    const mended = await listSome(one, ['tools'], cut.listing, deps);
    expect(mended.listing.problems).toEqual([]);
  });

  test('pages: endless ones are cut, and so is a cursor that comes again', async () => {
    const endless = paged();
    endless.pages['tools/list'] = Array.from({ length: 200 }, (_, n) => ({
      tools: [{ name: `t${n}` }],
      nextCursor: `${n + 1}`,
    }));
    expect((await listAll(endless, deps)).listing.tools).toHaveLength(listLimits.pages);
    const circle = paged();
    circle.pages['tools/list'] = [{ tools: [{ name: 'a' }], nextCursor: '0' }];
    const { listing } = await listAll(circle, deps);
    expect([listing.tools.length, listing.problems?.[0]?.reason]).toEqual([2, 'TooMany']);
  });

  test('bytes and time', async () => {
    const big = paged();
    const text = 'x'.repeat(6 * 1024 * 1024);
    big.pages['tools/list'] = [{ tools: [text, text, text] }];
    expect((await listAll(big, deps)).listing.tools).toHaveLength(2);
    const clock = createTestClock();
    const slow = paged();
    slow.pages['tools/list'] = [
      { tools: [], nextCursor: '1' },
      { tools: [], nextCursor: '2' },
    ];
    slow.onRequest = () => void clock.advance(listLimits.listMs);
    await expect(listAll(slow, { ...deps, clock })).rejects.toThrow('took longer');
  });
});
