import { describe, expect, test } from 'vitest';

import { createTestClock, silentLogger } from '../../base/index.ts';
import { emptyObject, modernEnvelope, objectRaw, rawOf } from '../../wire/index.ts';
import { FakeChild } from './fake-child.ts';
import { type HandshakeOrder, type Negotiated, shakeHands } from './handshake.ts';
import { StdioChannel } from './stdio-channel.ts';

type Answer = Readonly<Record<string, unknown>>;
type Script = Readonly<Record<string, Answer | undefined>>;

const hubInfo = { name: 'quaymaster', version: '1.2.3' };
const discovered: Answer = {
  result: {
    supportedVersions: ['2026-07-28'],
    capabilities: { tools: {} },
    instructions: 'do',
    _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'm' } },
  },
};
const initialized = (protocolVersion: unknown = '2025-06-18'): Answer => ({
  result: { protocolVersion, capabilities: { prompts: {} }, serverInfo: { name: 'l' } },
});
const refusal: Answer = { error: { code: -32_601, message: 'no such method' } };

function setUp(order: HandshakeOrder, script: Script) {
  const clock = createTestClock();
  const child = new FakeChild();
  const reply = (id: unknown, answer: Answer) => JSON.stringify({ jsonrpc: '2.0', id, ...answer });
  child.answer = ({ id, method }) => {
    const answer = script[String(method)];
    return answer === undefined ? undefined : [reply(id, answer)];
  };
  const channel = new StdioChannel({ child, clock, log: silentLogger, server: 'default/x', maxInFlight: 10 });
  const envelope = modernEnvelope(rawOf(hubInfo), emptyObject);
  const shaken = shakeHands(channel, { order, clock, hubInfo, declared: emptyObject, envelope, probeMs: 1_500 });
  shaken.catch(() => {});
  const say = (method: string, answer: Answer) => {
    const line = child.written.find((text) => text.includes(`"${method}"`)) ?? '{}';
    child.say(reply((JSON.parse(line) as { id: number }).id, answer));
  };
  const methods = () => child.written.map((line) => (JSON.parse(line) as { method: string }).method);
  return { clock, child, shaken, say, methods };
}

const modern = { era: 'modern', revision: '2026-07-28', serverInfo: '{"name":"m"}', instructions: '"do"' };
const legacy = { era: 'legacy', revision: '2025-06-18', serverInfo: '{"name":"l"}', instructions: undefined };

describe('modern first', () => {
  test('a modern server: one request, no initialize', async () => {
    const { shaken, child, methods } = setUp('modernFirst', { 'server/discover': discovered });
    const found: Negotiated = await shaken;
    expect(found).toMatchObject(modern);
    expect(objectRaw(found.capabilities)).toBe('{"tools":{}}');
    expect(methods()).toEqual(['server/discover']);
    expect(child.last).toMatchObject({
      params: {
        _meta: {
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientInfo': hubInfo,
        },
      },
    });
  });

  test('any other error means legacy', async () => {
    const { shaken, child, methods } = setUp('modernFirst', { 'server/discover': refusal, initialize: initialized() });
    expect(await shaken).toMatchObject(legacy);
    expect(methods()).toEqual(['server/discover', 'initialize', 'notifications/initialized']);
    expect(JSON.parse(child.written[1]!)).toMatchObject({
      params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: hubInfo },
    });
  });

  test('a result that is no discovery means legacy (servers that answer anything)', async () => {
    const { shaken } = setUp('modernFirst', { 'server/discover': { result: {} }, initialize: initialized() });
    expect(await shaken).toMatchObject(legacy);
  });

  test('silence is bounded (rust-mcp-filesystem)', async () => {
    const { clock, shaken, methods } = setUp('modernFirst', { initialize: initialized() });
    await clock.advance(1_499);
    expect(methods()).toEqual(['server/discover']);
    await clock.advance(1);
    expect(await shaken).toMatchObject(legacy);
  });

  test('a modern server that is slow to start is still found modern', async () => {
    const { clock, shaken, say, methods } = setUp('modernFirst', {});
    await clock.advance(2_000);
    expect(methods()).toEqual(['server/discover', 'initialize']);
    say('server/discover', discovered);
    expect(await shaken).toMatchObject(modern);
    expect(methods()).not.toContain('notifications/initialized');
  });

  test.each<[string, [string, Answer], [string, Answer], object]>([
    ['discover refused first', ['server/discover', refusal], ['initialize', initialized()], legacy],
    ['initialize refused first', ['initialize', refusal], ['server/discover', discovered], modern],
  ])('slow and %s: the other one decides', async (_, first, second, expected) => {
    const { clock, shaken, say } = setUp('modernFirst', {});
    await clock.advance(2_000);
    say(...first);
    await clock.advance(0);
    say(...second);
    expect(await shaken).toMatchObject(expected);
  });

  test('a server of other versions only', async () => {
    const { shaken } = setUp('modernFirst', {
      'server/discover': { error: { code: -32_022, message: '', data: { supported: ['2027-01-01'] } } },
    });
    await expect(shaken).rejects.toMatchObject({
      reason: 'UnsupportedProtocolVersion',
      retryable: false,
      message: expect.stringContaining('2027-01-01'),
    });
  });

  test.each([
    ['named in the error', { error: { code: -32_022, message: '', data: { supported: ['2025-11-25'] } } }],
    ['named in the result', { result: { supportedVersions: ['2027-01-01', '2025-06-18'] } }],
    ['not named', { error: { code: -32_022, message: '' } }],
  ])('a modern server of another revision that also speaks an old one, %s', async (_, answer) => {
    const { shaken } = setUp('modernFirst', { 'server/discover': answer, initialize: initialized() });
    expect(await shaken).toMatchObject(legacy);
  });

  test('neither era', async () => {
    const { shaken } = setUp('modernFirst', { 'server/discover': refusal, initialize: refusal });
    await expect(shaken).rejects.toMatchObject({
      reason: 'HandshakeFailed',
      message: expect.stringContaining('refused initialize: -32601'),
    });
  });

  test('the end of the child ends the handshake', async () => {
    const { child, shaken } = setUp('modernFirst', {});
    child.die();
    await expect(shaken).rejects.toMatchObject({ reason: 'HandshakeFailed' });
  });
});

describe('legacy first', () => {
  test('asks nothing else', async () => {
    const { shaken, methods } = setUp('legacyFirst', { initialize: initialized() });
    expect(await shaken).toMatchObject(legacy);
    expect(methods()).toEqual(['initialize', 'notifications/initialized']);
  });

  test('notices a server that became modern', async () => {
    const { shaken } = setUp('legacyFirst', { initialize: refusal, 'server/discover': discovered });
    expect(await shaken).toMatchObject(modern);
  });

  test('reports the refusal when it is neither', async () => {
    const { shaken } = setUp('legacyFirst', { initialize: refusal, 'server/discover': refusal });
    await expect(shaken).rejects.toMatchObject({ message: expect.stringContaining('initialize') });
  });

  test('does not ask a dead one', async () => {
    const { child, shaken, methods } = setUp('legacyFirst', {});
    child.die();
    await expect(shaken).rejects.toMatchObject({ reason: 'HandshakeFailed' });
    expect(methods()).toEqual(['initialize']);
  });
});

describe('one era only', () => {
  test('legacy', async () => {
    const { shaken, methods } = setUp('legacyOnly', { initialize: initialized() });
    expect(await shaken).toMatchObject(legacy);
    expect(methods()).not.toContain('server/discover');
  });

  test.each([['1999-01-01'], ['2026-07-28']])('a wrong version %s is named', async (version) => {
    const { shaken } = setUp('legacyOnly', { initialize: initialized(version) });
    await expect(shaken).rejects.toMatchObject({
      reason: 'UnsupportedProtocolVersion',
      message: expect.stringContaining(version),
    });
  });

  test.each([[undefined], [7]])('no version (%s)', async (version) => {
    const { shaken } = setUp('legacyOnly', { initialize: initialized(version ?? null) });
    await expect(shaken).rejects.toMatchObject({ reason: 'HandshakeFailed' });
  });

  test('modern', async () => {
    const { shaken } = setUp('modernOnly', { 'server/discover': discovered });
    expect(await shaken).toMatchObject(modern);
  });

  test('modern, but the server is not', async () => {
    const { shaken } = setUp('modernOnly', { 'server/discover': refusal });
    await expect(shaken).rejects.toMatchObject({
      reason: 'UnsupportedProtocolVersion',
      message: expect.stringContaining('spec.protocol'),
    });
  });

  test('a broken capabilities member counts as none', async () => {
    const { shaken } = setUp('legacyOnly', {
      initialize: { result: { protocolVersion: '2025-03-26', capabilities: [] } },
    });
    expect((await shaken).capabilities.members).toEqual([]);
  });
});
