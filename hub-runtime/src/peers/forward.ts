/**
 * A client's request at another replica: the same method, URL, headers and body, and the answer byte by byte, with the client's pace.
 *
 * It is sent at most once. What could not be sent (or what may be sent twice by its nature: GET, DELETE) ends as `refused`, and the caller
 * looks for a better place; once a POST may have been read, its loss is said as loss.
 */
import type { IncomingHttpHeaders } from 'node:http';

import type { Clock, Logger } from '../base/index.ts';
import {
  type ForwardEnd,
  type Forwarding,
  type ForwardRequest,
  type ForwardSink,
  holderHeader,
  previousHeader,
} from '../session/index.ts';
import type { Peer, PeerList } from './peer-list.ts';
import { peerPaths } from './peer-messages.ts';
import {
  type AnswerHandler,
  codeOf,
  type Exchange,
  failureOf,
  type PeerRequest,
  type PeerTransport,
} from './peer-transport.ts';
import type { SessionRegister } from './session-register.ts';

export interface ForwardDeps {
  readonly transport: PeerTransport;
  readonly list: PeerList;
  readonly register: SessionRegister;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Set when a request was not accepted as one of a replica: why. */
export const refusedHeader = 'x-quaymaster-refused';

/** A replica that refuses connections is tried once more: it may only be starting again. */
const retryMs = 150;
/** Hop by hop (RFC 9110 7.6.1), or written by the connection itself. */
const ownHeaders = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
const reserved = 'x-quaymaster-';
const notAnswered = new Set([...ownHeaders, 'date', holderHeader, refusedHeader]);
// The length of an answer is the owner's to say.
notAnswered.delete('content-length');

export class Forward implements Forwarding, AnswerHandler {
  readonly #deps: ForwardDeps;
  readonly #peer: Peer;
  readonly #request: ForwardRequest;
  readonly #wire: PeerRequest;
  readonly #sink: ForwardSink;
  readonly #over: () => void;
  #exchange: Exchange | undefined;
  #attempts = 0;
  #status = 0;
  #moved = false;
  #again = false;
  #done = false;

  constructor(deps: ForwardDeps, peer: Peer, request: ForwardRequest, sink: ForwardSink, over: () => void) {
    this.#deps = deps;
    this.#peer = peer;
    this.#request = request;
    this.#sink = sink;
    this.#over = over;
    const { method, path, rawHeaders, body, previous } = request;
    const headers = headersFor(rawHeaders);
    if (previous === true) headers.push(previousHeader, '1');
    this.#wire = { method, url: `${peerPaths.forward}${path}`, headers, body };
    this.#send();
  }

  resume(): void {
    this.#exchange?.resume();
  }

  cancel(): void {
    this.#end('done');
    this.#exchange?.abort(new Error('the client is gone'));
  }

  started(status: number, headers: IncomingHttpHeaders): void {
    const { register, list } = this.#deps;
    const { session } = this.#request;
    const why = headers[refusedHeader];
    if (status === 421) {
      const holder = headers[holderHeader];
      if (this.#request.previous === true) this.#deps.list.heardOf(this.#peer.id);
      else if (session === undefined) list.failed(this.#peer.id, 'dead');
      else if (typeof holder === 'string' && holder !== this.#peer.id && list.get(holder) !== undefined) {
        list.heardOf(holder);
        register.held(session.id, holder, session.expiresMs);
      } else {
        // It is about to end, or does not serve this hub.
        register.forgetHolder(session.id);
        list.declined(this.#peer.id);
      }
      this.#moved = true;
    } else if (status === 401 && typeof why === 'string') {
      this.#deps.log.warn({ peer: this.#peer.name, why }, 'another replica did not accept a request of this one');
      this.#again = true;
    } else {
      this.#deps.list.heardOf(this.#peer.id);
      this.#status = status;
      this.#sink.head(status, answerHeaders(headers));
    }
  }

  data(chunk: Buffer): boolean {
    return this.#status === 0 || this.#done || this.#sink.data(chunk);
  }

  ended(): void {
    if (this.#moved) this.#end('refused');
    else if (!this.#again) this.#end('done');
    // Nothing was done with it: once more, under a new signature.
    else if (this.#attempts < 2) this.#send();
    else this.#end('busy');
  }

  failed(sent: boolean, error: Error): void {
    const { list, clock, log } = this.#deps;
    if (this.#done) return;
    if (this.#status !== 0) this.#end('lost');
    else if (sent && this.#request.method === 'POST') this.#end('lost');
    else if (codeOf(error) === 'UND_ERR_INVALID_ARG') {
      // What cannot be sent to anybody says nothing about this one.
      log.warn({ peer: this.#peer.name }, 'a request cannot be sent on');
      this.#end('busy');
    } else if (this.#attempts < 2) clock.after(retryMs, () => this.#send());
    else {
      log.info({ peer: this.#peer.name, reason: codeOf(error) }, 'another replica cannot be reached');
      list.failed(this.#peer.id, failureOf(sent, error));
      this.#end('refused');
    }
  }

  #send(): void {
    if (this.#done) return;
    this.#attempts++;
    this.#again = false;
    this.#exchange = this.#deps.transport.send(this.#peer, this.#wire, this);
  }

  #end(how: ForwardEnd): void {
    if (this.#done) return;
    this.#done = true;
    this.#over();
    this.#sink.end(how);
  }
}

function headersFor(rawHeaders: readonly string[]): string[] {
  const headers: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase();
    if (!ownHeaders.has(name) && !name.startsWith(reserved)) headers.push(name, rawHeaders[at + 1] ?? '');
  }
  return headers;
}

function answerHeaders(headers: IncomingHttpHeaders): string[] {
  const flat: string[] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || notAnswered.has(name)) continue;
    for (const one of Array.isArray(value) ? value : [value]) flat.push(name, one);
  }
  return flat;
}
