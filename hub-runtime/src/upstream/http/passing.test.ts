import { afterEach, describe, expect, test } from 'vitest';

import { Cancellation, type Outcome, type PassingAnswer, type ResultOutcome } from '../../exchange/index.ts';
import {
  type Answer,
  call,
  closeWorld,
  connectTo,
  eventually,
  legacy,
  makeCall,
  modern,
  open,
  resultOf,
  serverConfig,
} from '../testing/index.ts';
import { httpLimits } from './index.ts';

afterEach(closeWorld);

const limits = { responseBytes: 4 * httpLimits.responseBytes };
const large = 'x'.repeat(httpLimits.passFromBytes + 262_144);
const read = (passes = true, more: object = {}) =>
  makeCall('resources/read', { uri: 'big:1' }, { leg: { passes }, call: more });

/** What passed, and how it ended. */
function drink({ source }: PassingAnswer): Promise<{ text: string; how: string }> {
  let text = '';
  return new Promise((resolve) =>
    source.start({
      data: (piece) => void (text += piece),
      end: () => resolve({ text, how: 'end' }),
      failed: (reason) => resolve({ text, how: reason }),
    }),
  );
}

function passing(outcome: Outcome): PassingAnswer {
  const found = (outcome as ResultOutcome).passing;
  if (found === undefined) throw new Error(`it does not pass: ${JSON.stringify(outcome).slice(0, 200)}`);
  return found;
}

describe.each(['modern', 'legacy'] as const)('a large result of a %s server', (era) => {
  const serving = (calls: Answer): Answer => (era === 'modern' ? modern(calls) : legacy(calls).answer);
  const result = { ...(era === 'modern' ? { resultType: 'complete' } : {}), contents: [{ uri: 'big:1', text: large }] };
  const options = { config: { limits } };

  test.each(['body', 'event'] as const)(
    'HT-5.12 passes as a %s, and the conversation is free for others meanwhile',
    async (how) => {
      const { server, conversation } = await open(
        serving(({ message: { id } }) => (how === 'body' ? { result } : { events: [{ jsonrpc: '2.0', id, result }] })),
        options,
      );
      const answer = passing(await call(conversation, read()));
      expect(conversation.inFlight).toBe(1);
      const { text, how: end } = await drink(answer);
      expect([end, JSON.parse(text)]).toEqual(['end', { jsonrpc: '2.0', id: Number(answer.id), result }]);
      await eventually(() => conversation.inFlight === 0, 'the call has left');
      expect(answer.source.bytes).toBe(text.length);
      expect(server.open).toBe(era === 'modern' ? 0 : server.open);
    },
  );

  test.each([
    ['its client cannot take it so', read(false)],
    ['it is judged before', read(true, { whole: true })],
    ['its method never has large results', makeCall('completion/complete', {}, { leg: { passes: true } })],
  ])('is held when %s', async (_, one) => {
    const conversation = await connectTo(
      serving(() => ({ result })),
      options,
    );
    expect(resultOf(await call(conversation, one))).toEqual(result);
  });

  test('is refused past `limits.response`, also in the middle of passing', async () => {
    const conversation = await connectTo(
      serving(() => ({ result })),
      {
        config: { limits: { responseBytes: httpLimits.passFromBytes + 500 } },
      },
    );
    const outcome = await call(conversation, read());
    if ((outcome as ResultOutcome).passing === undefined)
      expect(outcome).toMatchObject({
        errorCode: 'QM_UPSTREAM_PROTOCOL',
        message: expect.stringContaining('limits.response'),
      });
    else expect((await drink(passing(outcome))).how).toContain('limits.response');
    await eventually(() => conversation.inFlight === 0, 'the call has left');
  });

  test('is given up when nobody reads it: the server sees its connection end', async () => {
    const { server, conversation } = await open(
      serving(({ message: { id }, response }) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write(`{"jsonrpc":"2.0","id":${String(id)},"result":{"contents":["${large}`);
        return { hang: true };
      }),
      options,
    );
    const { source } = passing(await call(conversation, read()));
    const ends: string[] = [];
    source.onEnd((how) => ends.push(how));
    const before = server.open;
    source.abort('no reader');
    await eventually(() => server.open === before - 1, 'the server was cut off');
    await eventually(() => conversation.inFlight === 0, 'the call has left');
    expect(ends).toEqual(['aborted']);
  });

  test('is lost with its server', async () => {
    const { conversation } = await open(
      serving(({ message: { id }, response }) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write(`{"jsonrpc":"2.0","id":${String(id)},"result":{"contents":["${large}`);
        setTimeout(() => response.destroy(), 50);
        return { hang: true };
      }),
      options,
    );
    const { how } = await drink(passing(await call(conversation, read())));
    expect(how).toMatch(/connection/);
    await eventually(() => conversation.inFlight === 0, 'the call has left');
  });

  test('its deadline stands still while its reader has no room, and runs when its server is silent', async () => {
    const { timeouts } = serverConfig();
    const { conversation } = await open(
      serving(({ message: { id }, response }) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write(`{"jsonrpc":"2.0","id":${String(id)},"result":{"contents":["${large}`);
        return { hang: true };
      }),
      { config: { limits, timeouts: { ...timeouts, callMs: 150 } } },
    );
    const { source } = passing(await call(conversation, read()));
    const ends: string[] = [];
    source.onEnd((how) => ends.push(how));
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(ends).toEqual([]);
    source.start({ data: () => {}, end: () => {}, failed: () => {} });
    await eventually(() => ends.length === 1, 'it was given up');
    expect(ends).toEqual(['failed']);
  });
});

describe('what is no large result', () => {
  test.each([
    ['an error', { error: { code: -32_000, message: large } }, { kind: 'error' }],
    [
      'a round of questions',
      { result: { resultType: 'input_required', inputRequests: {}, requestState: large } },
      { kind: 'inputRequired' },
    ],
    ['rubbish', { body: `[${large}` }, { errorCode: 'QM_UPSTREAM_PROTOCOL' }],
  ])('%s is held and judged as ever', async (_, reply, expected) => {
    const conversation = await connectTo(
      modern(() => reply),
      { config: { limits } },
    );
    const one = makeCall('tools/call', { name: 'a' }, { leg: { passes: true, cancellation: new Cancellation() } });
    expect(await call(conversation, one)).toMatchObject(expected);
  });

  test('of one replica only so many pass at once; the next is held, and passes again when one has ended', async () => {
    const most = httpLimits.passingAtOnce;
    const answer = modern(() => ({ result: { resultType: 'complete', contents: [{ text: large }] } }));
    const timeouts = { ...serverConfig().timeouts, callMs: 60_000, callMaxMs: 60_000 };
    const { conversation } = await open(answer, { config: { limits, timeouts }, connections: most + 2 });
    const one = async (): Promise<ResultOutcome> => (await call(conversation, read())) as ResultOutcome;
    const outcomes: ResultOutcome[] = [];
    for (let n = 0; n < most; n++) outcomes.push(await one());
    expect(outcomes.filter(({ passing: source }) => source === undefined)).toEqual([]);
    expect((await one()).passing).toBeUndefined();
    outcomes.pop()?.passing?.source.abort('enough');
    await eventually(() => conversation.inFlight === most - 1, 'it has left');
    outcomes.push(await one());
    expect(outcomes.at(-1)?.passing).toBeDefined();
    for (const { passing: answered } of outcomes) answered?.source.abort('enough');
  }, 30_000);
});
