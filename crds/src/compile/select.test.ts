import { describe, expect, test } from 'vitest';

import { hub, message, offered, reasons, server, useCompiler } from './compile.fixture.ts';
import type { Compiled } from './index.ts';

const run = useCompiler();

describe('selection', () => {
  const objects = [
    server('a', {}, { labels: { team: 'docs', stage: 'dev' } }),
    server('b', {}, { labels: { team: 'web' } }),
    server('c'),
    server('far', {}, { namespace: 'far' }),
  ];
  const chosen = (servers: Record<string, unknown>) => offered(run([...objects, hub('h', { servers })]), 'h');
  const expressions = (...matchExpressions: unknown[]) => ({ selector: { matchExpressions } });

  test.each([
    ['absent selector selects none', {}, []],
    ['empty selector selects all of the namespace', { selector: {} }, ['a', 'b', 'c']],
    ['labels', { selector: { matchLabels: { team: 'docs' } } }, ['a']],
    ['all labels must match', { selector: { matchLabels: { team: 'docs', stage: 'test' } } }, []],
    ['In', expressions({ key: 'team', operator: 'In', values: ['docs', 'web'] }), ['a', 'b']],
    ['NotIn holds without the label', expressions({ key: 'team', operator: 'NotIn', values: ['docs'] }), ['b', 'c']],
    ['Exists', expressions({ key: 'stage', operator: 'Exists' }), ['a']],
    ['DoesNotExist', expressions({ key: 'team', operator: 'DoesNotExist' }), ['c']],
    ['names of Object.prototype are no labels', expressions({ key: 'constructor', operator: 'Exists' }), []],
    ['include adds', { selector: { matchLabels: { team: 'docs' } }, include: ['c'] }, ['a', 'c']],
    ['exclude wins', { selector: {}, include: ['b'], exclude: ['b'] }, ['a', 'c']],
  ])('%s', (_name, servers, expected) => {
    expect(chosen(servers)).toEqual(expected);
  });

  test('a hub without servers is legal', () => {
    expect(reasons(run([hub('h', { servers: {} })]), 'h')).toEqual([
      'Accepted=True/Accepted',
      'ResolvedRefs=True/ResolvedRefs',
      'Insecure=True/NoAuthentication',
    ]);
  });

  test('a server no hub selects says so', () => {
    const compiled = run([...objects, hub('h', { servers: { include: ['a'] } })]);
    expect(reasons(compiled, 'b')?.at(-1)).toBe('Programmed=False/NotSelected');
    expect(compiled.servers.find((one) => one.name === 'a')?.hubs).toEqual(['default/h']);
    expect(compiled.servers.find((one) => one.name === 'b')?.config?.name).toBe('b');
  });

  test('a name in include that does not exist is a condition; the hub serves the rest', () => {
    const compiled = run([...objects, hub('h', { servers: { include: ['zz', 'a', 'far'] } })]);
    expect(offered(compiled, 'h')).toEqual(['a']);
    expect(reasons(compiled, 'h')?.[1]).toBe('ResolvedRefs=False/ServerNotFound');
    expect(message(compiled, 'h', 'ResolvedRefs')).toBe('servers not found in this namespace: far, zz');
  });
});

describe('aliases', () => {
  const naming = (aliases: Record<string, unknown>, maxLength = 64) =>
    run([server('a'), hub('h', { naming: { aliases, maxLength } })]);
  const kept = (compiled: Compiled) => Object.keys(compiled.hubs[0]?.naming.aliases ?? {});

  test('a good one is kept', () => {
    expect(kept(naming({ find: { server: 'a', tool: 'search' } }))).toEqual(['find']);
  });

  test('one to a server that is not offered is left out', () => {
    const compiled = naming({ find: { server: 'b', tool: 'search' }, get: { server: 'a', tool: 'get' } });
    expect(kept(compiled)).toEqual(['get']);
    expect(message(compiled, 'h', 'ResolvedRefs')).toContain('find -> b');
  });

  test.each([
    ['two for one tool: neither wins', { x: { server: 'a', tool: 't' }, y: { server: 'a', tool: 't' } }, 64, 'x, y'],
    ['blanks', { 'x y': { server: 'a', tool: 't' } }, 64, 'x y'],
    ['longer than maxLength', { ['x'.repeat(17)]: { server: 'a', tool: 't' } }, 16, 'xxxxx'],
  ])('%s', (_name, aliases, maxLength, expected) => {
    const compiled = naming(aliases, maxLength);
    expect(kept(compiled)).toEqual([]);
    expect(message(compiled, 'h', 'Degraded')).toContain(expected);
  });
});
