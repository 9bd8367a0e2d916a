import { describe, expect, test } from 'vitest';

import { type RawJson, rawOf, type ScannedMessage, scanMessage } from '../wire/index.ts';
import { type Answerer, outcomeOf, printable, rpcFailure } from './answer.ts';

const modern: Answerer = { era: 'modern', key: 'default/files', prefix: 'files' };
const legacy: Answerer = { ...modern, era: 'legacy' };

function response(part: object): ScannedMessage {
  const message = scanMessage(rawOf({ jsonrpc: '2.0', id: 1, ...part }));
  if (message.kind === 'fault') throw new Error(message.message);
  return message;
}

describe('results', () => {
  test('a complete result passes; one without a type is completed like a legacy one', () => {
    expect(outcomeOf(response({ result: { resultType: 'complete' } }), 'tools/call', modern)).toMatchObject({
      kind: 'result',
      era: 'modern',
      server: 'files',
    });
    expect(outcomeOf(response({ result: {} }), 'tools/call', modern)).toMatchObject({ kind: 'result', era: 'legacy' });
    expect(outcomeOf(response({ result: { resultType: 'whatever' } }), 'tools/call', legacy)).toMatchObject({
      kind: 'result',
      era: 'legacy',
    });
  });

  test('questions pass only where the specification knows them', () => {
    const asking = response({ result: { resultType: 'input_required', requestState: 'x' } });
    for (const method of ['tools/call', 'prompts/get', 'resources/read'])
      expect(outcomeOf(asking, method, modern)).toMatchObject({ kind: 'inputRequired', server: 'files' });
    expect(outcomeOf(asking, 'completion/complete', modern)).toMatchObject({ errorCode: 'QM_UPSTREAM_PROTOCOL' });
  });

  test('checklist 16: an unknown result type is an error, never "complete"; a task is one only where there are tasks', () => {
    const failed = { kind: 'error', origin: 'hub', errorCode: 'QM_UPSTREAM_PROTOCOL' };
    expect(outcomeOf(response({ result: { resultType: 'new' } }), 'tools/call', modern)).toMatchObject(failed);
    const task = response({ result: { resultType: 'task', taskId: 't' } });
    expect(outcomeOf(task, 'prompts/get', modern)).toMatchObject(failed);
    expect(outcomeOf(task, 'tools/call', modern)).toMatchObject({ kind: 'result', task: true });
  });
});

describe('errors', () => {
  const relayed = (code: number, message = 'no', data?: unknown) =>
    outcomeOf(response({ error: { code, message, ...(data === undefined ? {} : { data }) } }), 'tools/call', modern);

  test('code, message and data of a server stay, with the status of the era', () => {
    expect(relayed(-32_050, 'näh', { a: 1 })).toEqual({
      kind: 'error',
      origin: 'server',
      code: -32_050,
      message: 'näh',
      data: '{"a":1}',
      serverKey: 'default/files',
      httpStatus: 200,
    });
    expect(relayed(-32_601)).toMatchObject({ code: -32_601, httpStatus: 404 });
    expect(relayed(-32_021, 'x', { requiredCapabilities: { sampling: {} } })).toMatchObject({
      code: -32_021,
      httpStatus: 400,
    });
  });

  test('what concerns only the hop to the server does not leak', () => {
    for (const code of [-32_020, -32_022])
      expect(relayed(code, 'header')).toMatchObject({ origin: 'hub', errorCode: 'QM_UPSTREAM_PROTOCOL' });
  });

  test('an error that is none is the server breaking the protocol', () => {
    for (const error of ['"text"', '{}', '{"code":"x"}', '{"code":1.5}', '[]']) {
      expect(rpcFailure(error as RawJson)).toBeUndefined();
      const message = scanMessage(`{"jsonrpc":"2.0","id":1,"error":${error}}` as RawJson) as ScannedMessage;
      expect(outcomeOf(message, 'tools/call', modern)).toMatchObject({ errorCode: 'QM_UPSTREAM_PROTOCOL' });
    }
    expect(rpcFailure('{"code":5}' as RawJson)).toEqual({ code: 5, message: '', data: undefined });
  });
});

test("a server's words are cut and cannot move a cursor", () => {
  expect(printable('a\u001b[2Jb\nc')).toBe('a [2Jb c');
  expect(printable('x'.repeat(500))).toHaveLength(200);
});
