import { describe, expect, test } from 'vitest';

import { createTestClock } from '../base/index.ts';
import { Cancellation } from '../exchange/index.ts';
import { type RawJson, scanMessage, type ScannedMessage } from '../wire/index.ts';
import { questionLimits, SessionQuestions } from './session-questions.ts';

function setUp() {
  const clock = createTestClock();
  const questions = new SessionQuestions({ clock, waitMs: () => 1_000, prefix: 'q-' });
  const said: { method: string; id?: string; params: Record<string, unknown> }[] = [];
  const deliver = (message: RawJson): boolean => {
    said.push(JSON.parse(message) as (typeof said)[number]);
    return true;
  };
  const ask = (method = 'elicitation/create', cancellation = new Cancellation()) =>
    questions.ask({ method, params: '{"a":1}' as RawJson, cancellation }, deliver);
  return { clock, questions, said, ask };
}

const response = (text: string) => scanMessage(text as RawJson) as ScannedMessage;

describe('a question to the client of a session', () => {
  test('has an id of its own and one answer, in its own bytes', async () => {
    const { questions, said, ask } = setUp();
    const [one, two] = [ask(), ask('roots/list')];
    expect(said).toMatchObject([
      { id: 'q-1', method: 'elicitation/create', params: { a: 1 } },
      { id: 'q-2', method: 'roots/list' },
    ]);
    expect(questions.answered(response('{"jsonrpc":"2.0","id":"q-2","result":{ "roots" : [1.0] }}'))).toBe(true);
    expect(questions.answered(response('{"jsonrpc":"2.0","id":"q-2","result":{}}'))).toBe(false);
    expect(questions.answered(response('{"jsonrpc":"2.0","id":"q-3","result":{}}'))).toBe(false);
    expect(questions.answered(response('{"jsonrpc":"2.0","id":1,"result":{}}'))).toBe(false);
    questions.answered(response('{"jsonrpc":"2.0","id":"q-1","error":{"code":-1,"message":"no"}}'));
    expect(await two).toEqual({ kind: 'result', result: '{ "roots" : [1.0] }' });
    expect(await one).toEqual({ kind: 'error', error: '{"code":-1,"message":"no"}' });
    expect(questions.size).toBe(0);
  });

  test.each([
    ['cancelled', async ({ cancellation }: { cancellation: Cancellation }) => cancellation.cancel('why not')],
    ['not answered in time', async ({ clock }: ReturnType<typeof setUp>) => clock.advance(1_000)],
  ])('%s: taken back, and the client is told', async (_name, end) => {
    const stage = setUp();
    const cancellation = new Cancellation();
    const answer = stage.ask('elicitation/create', cancellation);
    await end({ ...stage, cancellation });
    expect(await answer).toMatchObject({ kind: 'error' });
    expect(stage.said.at(-1)).toMatchObject({ method: 'notifications/cancelled', params: { requestId: 'q-1' } });
    expect([stage.questions.size, stage.clock.pending]).toEqual([0, 0]);
  });

  test('that cannot be delivered, is not wanted any more, or whose client goes away: an error', async () => {
    const { questions, ask } = setUp();
    const question = { method: 'roots/list', params: '{}' as RawJson, cancellation: new Cancellation() };
    expect(await questions.ask(question, () => false)).toMatchObject({ kind: 'error' });
    const cancelled = new Cancellation();
    cancelled.cancel('x');
    expect(await ask('roots/list', cancelled)).toMatchObject({ kind: 'error' });
    const waiting = ask();
    questions.close();
    expect(await waiting).toMatchObject({ kind: 'error', error: expect.stringContaining('gone') });
  });

  test('EF-28 at the limits: so many at once, and fewer of those that may end in a circle', async () => {
    const { questions, ask } = setUp();
    const all = Array.from({ length: questionLimits.sampling }, () => ask('sampling/createMessage'));
    expect(await ask('sampling/createMessage')).toMatchObject({ error: expect.stringContaining('nests deeper') });
    while (questions.size < questionLimits.open) all.push(ask());
    expect(await ask()).toMatchObject({ error: expect.stringContaining('open questions') });
    questions.close();
    await Promise.all(all);
  });
});
