/** What must hold of every answer of a hub, whatever it was sent. */
import { isUtf8 } from 'node:buffer';

import { Broken, hold } from '../engine/target.ts';
import { type HttpAnswer, type RawAnswer, readAnswer } from './raw-exchange.ts';

interface RpcLike {
  readonly id?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code?: unknown; readonly message?: unknown; readonly data?: { readonly code?: unknown } };
}

/** To hostile bytes: silence, or HTTP; an error with a reason; never one of the hub's own making. */
export function judgeAnswer({ text }: RawAnswer): void {
  // Refused without a word, or cut: the hub owes nothing to what is no request.
  if (text === '') return;
  const answer = readAnswer(text);
  hold(answer !== undefined, 'an answer is HTTP');
  if (answer.status === 101) return judgeFrames(answer.body);
  const rpc = rpcIn(answer);
  if (answer.status >= 500)
    hold(typeof rpc?.error?.data?.code === 'string', `a ${answer.status} says which error of the table it is`);
  hold(answer.status !== 500 && rpc?.error?.data?.code !== 'QM_INTERNAL', 'nothing breaks inside the hub');
  // What no hub path is reached by is the router's, in words of its own.
  if (answer.status >= 400 && rpc !== undefined && 'jsonrpc' in rpc)
    hold(
      typeof rpc.error?.code === 'number' && typeof rpc.error.message === 'string',
      'a refusal has a code and says why',
    );
}

/** What came on a socket: whole frames, each text one message that every client can read. */
function judgeFrames(bytes: string): void {
  for (let at = 0; at + 2 <= bytes.length;) {
    const kind = bytes.charCodeAt(at) & 15;
    hold(bytes.charCodeAt(at + 1) < 128, 'a hub masks nothing');
    let length = bytes.charCodeAt(at + 1);
    let start = at + 2;
    for (const [mark, size] of [
      [126, 2],
      [127, 8],
    ] as const)
      if (bytes.charCodeAt(at + 1) === mark) {
        length = Buffer.from(bytes.slice(start, start + size), 'latin1').reduce((sum, byte) => sum * 256 + byte, 0);
        start += size;
      }
    const text = bytes.slice(start, start + length);
    at = start + length;
    // The last one may still be on its way.
    if (at > bytes.length) return;
    if (kind !== 1) continue;
    hold(isUtf8(Buffer.from(text, 'latin1')), 'a frame of text is UTF-8');
    hold(parse(text).error?.data?.code !== 'QM_INTERNAL', 'nothing breaks inside the hub');
  }
}

/** To a call that is right, of a tool of a hostile server: one answer, its own, that every client can read. */
export function judgeCall({ text }: RawAnswer, id: number): void {
  const answer = readAnswer(text);
  hold(answer !== undefined && answer.whole, 'a call is answered, and in time');
  hold(isUtf8(Buffer.from(answer.body, 'latin1')), 'an answer is UTF-8 whatever the server sent');
  const rpc = rpcIn(answer);
  hold(rpc !== undefined, 'an answer is JSON whatever the server sent');
  hold(rpc.id === id, 'an answer is that of its call');
  hold((rpc.result === undefined) !== (rpc.error === undefined), 'an answer is a result or an error');
  hold(rpc.error?.data?.code !== 'QM_INTERNAL', 'nothing breaks inside the hub');
  for (const name of answer.headers.keys()) hold(name !== 'set-cookie', 'headers of servers stay behind the hub');
}

/** The response in a body: all of it, or the last event. */
function rpcIn(answer: HttpAnswer): RpcLike | undefined {
  if (!answer.whole || answer.body === '') return undefined;
  const type = answer.headers.get('content-type') ?? '';
  const text = Buffer.from(answer.body, 'latin1').toString('utf8');
  if (type === 'application/json') return parse(text);
  if (!type.startsWith('text/event-stream')) return undefined;
  const messages = text
    .split('\n\n')
    .map((event) => /^data: (.*)$/m.exec(event)?.[1])
    .filter((data) => data !== undefined)
    .map(parse);
  return messages.findLast((one) => 'result' in one || 'error' in one);
}

function parse(text: string): RpcLike {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? {} : (value as RpcLike);
  } catch {
    throw new Broken('a body is the JSON that it says it is');
  }
}
