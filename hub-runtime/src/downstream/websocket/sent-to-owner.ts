/**
 * A modern request on a WebSocket that goes on with a call waiting at another replica: sent there as the POST it would be, and its answer put on
 * the socket message by message. There or nowhere, and once.
 */
import { Cancellation, hubError } from '../../exchange/index.ts';
import { ownerOfState } from '../../questions/index.ts';
import type { ForwardEnd, Forwarding, ForwardSink } from '../../session/index.ts';
import {
  encodeHeaderValue,
  errorRaw,
  idKey,
  memberRaw,
  memberString,
  modernRevision,
  nameMember,
  paramHeaderValues,
  type RawJson,
  rawFromBytes,
  rawToBytes,
  type ScannedMessage,
  SseParser,
} from '../../wire/index.ts';
import type { HubEdge } from '../hub-edge.ts';
import type { PipeScope } from '../modern-methods.ts';
import type { PipeOut } from '../pipe/index.ts';

/** One message of an answer, bytes: as much as a server may answer. */
const mostBytes = 64 * 1024 * 1024;

/** False: it is served here. */
export function sentToOwner(edge: HubEdge, scope: PipeScope, out: PipeOut, message: ScannedMessage): boolean {
  const { peers, sealer, observer } = edge.deps;
  const state = peers === undefined ? undefined : memberRaw(message.params, 'requestState');
  if (peers === undefined || state === undefined || message.id === undefined) return false;
  const owner = ownerOfState(sealer, state);
  const key = idKey(message.id);
  if (owner === undefined || owner === peers.self || scope.calls.has(key)) return false;
  observer.count('peerForwards', edge.key);
  const answer = new ForwardedAnswer(out, message.id, () => scope.callEnded(key, answer));
  scope.calls.set(key, answer);
  const { path } = edge.port.graph.config;
  const request = {
    session: undefined,
    method: 'POST',
    path: `/hubs/${edge.key}${path}`,
    rawHeaders: headersOf(edge, message),
    body: Buffer.from(rawToBytes(message.raw)),
  };
  answer.follow(peers.forward(owner, request, answer));
  return true;
}

function headersOf(edge: HubEdge, { method, params }: ScannedMessage): string[] {
  const headers = [
    'content-type',
    'application/json',
    'accept',
    'application/json, text/event-stream',
    'mcp-protocol-version',
    modernRevision,
    'mcp-method',
    encodeHeaderValue(method),
  ];
  const member = nameMember(method);
  const name = member === undefined ? undefined : memberString(params, member);
  if (name !== undefined) headers.push('mcp-name', encodeHeaderValue(name));
  const declared = method === 'tools/call' ? edge.port.graph.catalog.tool(name ?? '')?.paramHeaders : undefined;
  for (const [header, value] of paramHeaderValues(declared ?? [], memberRaw(params, 'arguments')))
    headers.push(header, value);
  return headers;
}

class ForwardedAnswer implements ForwardSink {
  readonly cancellation = new Cancellation();
  readonly #out: PipeOut;
  readonly #id: RawJson;
  readonly #onEnd: () => void;
  #events: SseParser | undefined;
  #body = '';
  #forwarding: Forwarding | undefined;
  #isAnswered = false;

  constructor(out: PipeOut, id: RawJson, onEnd: () => void) {
    this.#out = out;
    this.#id = id;
    this.#onEnd = onEnd;
  }

  follow(forwarding: Forwarding): void {
    this.#forwarding = forwarding;
    this.cancellation.onCancel(() => forwarding.cancel());
  }

  head(_status: number, headers: string[]): void {
    const isStream = headers.some((one, at) => at % 2 === 1 && one.startsWith('text/event-stream'));
    if (isStream) this.#events = new SseParser(({ data }) => this.#take(data), mostBytes);
  }

  data(chunk: Buffer): boolean {
    if (this.#holds(chunk)) return true;
    // Half an answer is none: what came is let go, and `end` says that it is lost.
    this.#body = '';
    this.#forwarding?.cancel();
    return true;
  }

  /** False: one message of it is too large. */
  #holds(chunk: Buffer): boolean {
    if (this.#events !== undefined) return this.#events.push(rawFromBytes(chunk));
    if (this.#body.length + chunk.length > mostBytes) return false;
    this.#body += rawFromBytes(chunk);
    return true;
  }

  end(how: ForwardEnd): void {
    this.#onEnd();
    if (this.#events === undefined && this.#body !== '') this.#take(this.#body as RawJson);
    if (this.#isAnswered || this.cancellation.cancelled) return;
    const code =
      how === 'refused' ? 'QM_QUESTION_EXPIRED' : how === 'busy' ? 'QM_REPLICA_UNREACHABLE' : 'QM_REPLICA_LOST';
    const error = hubError(code);
    this.#out.answer(errorRaw(this.#id, error.code, error.message, error.data));
  }

  /** The other replica wrote it: a notification has a method, the answer has none. */
  #take(raw: RawJson): void {
    if (raw === '' || this.cancellation.cancelled) return;
    if (raw.startsWith('{"jsonrpc":"2.0","method":')) this.#out.notify(raw);
    else {
      this.#isAnswered = true;
      this.#out.answer(raw);
    }
  }
}
