/**
 * One session at one replica of a legacy server: its id, its headers, its GET stream, and what is posted in it.
 *
 * A session never changes its place; the conversation replaces it as a whole when the server forgets it or its replica goes. Calls keep the
 * session they were sent in, so that what still has to be said about them reaches the right replica.
 */
import type { Clock, Random } from '../../base/index.ts';
import { errorRaw, type RawJson, resultRaw, rpcCode, type ScannedMessage } from '../../wire/index.ts';
import { ToldLogLevel } from '../log-level.ts';
import { EventStream } from './event-stream.ts';
import type { Handshake } from './http-conversation.ts';
import { httpLimits, listenMs } from './limits.ts';
import { linesOf } from './lines-of.ts';
import type { Place } from './place.ts';
import { post } from './post.ts';

/** A handshake with the session it opened. */
export interface LegacyHandshake extends Handshake {
  readonly sessionId: string | undefined;
}

export interface LegacySessionDeps {
  readonly path: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Headers of every request before the session's own. */
  readonly base: readonly string[];
}

export interface StreamEvents {
  onMessage(message: ScannedMessage): void;
  /** There was a gap in which changes may have been missed. */
  onGap(): void;
  /** The server does not know the session any more. */
  onLost(): void;
  /** True: try again later. */
  onUnreachable(reason: string): boolean;
}

export class LegacySession {
  readonly place: Place;
  readonly id: string | undefined;
  /** Of every request in it. */
  readonly headers: string[];
  /** The same as lines. */
  readonly lines: string;
  readonly logLevel = new ToldLogLevel();
  readonly #deps: LegacySessionDeps;
  #stream: EventStream | undefined;
  #replies = 0;
  #left = false;

  constructor(deps: LegacySessionDeps, place: Place, { revision, sessionId }: LegacyHandshake) {
    this.#deps = deps;
    this.place = place;
    this.id = sessionId;
    this.headers = [...deps.base, 'mcp-protocol-version', revision];
    if (sessionId !== undefined) this.headers.push('mcp-session-id', sessionId);
    this.lines = linesOf(this.headers);
    place.sessions++;
  }

  /** Of a request for an event stream. */
  get streamHeaders(): string[] {
    return streamHeaders(this.headers);
  }

  /** Listens to what the server sends unasked; resolves when the stream stands, is refused, or takes too long. */
  async listen(events: StreamEvents): Promise<void> {
    const { path, clock, random } = this.#deps;
    const stream = new EventStream({
      path,
      clock,
      random,
      attempt: (lastEventId) => ({
        pool: this.place.streams,
        method: 'GET',
        // What was said meanwhile comes first, where the server keeps it.
        headers: lastEventId === undefined ? this.streamHeaders : [...this.streamHeaders, 'last-event-id', lastEventId],
        body: undefined,
      }),
      onMessage: (message) => events.onMessage(message),
      onOpen: (again) => {
        if (again) events.onGap();
      },
      onRefused: (status) => {
        if (status === 404 && this.id !== undefined && stream.wasOpen) events.onLost();
        return status >= 500 && status !== 501;
      },
      onUnreachable: (reason) => events.onUnreachable(reason),
    });
    this.#stream = stream;
    stream.start();
    await stream.settled(listenMs);
  }

  /** A notification or an answer, best effort. */
  post(body: RawJson): Promise<unknown> {
    return this.#own('POST', body);
  }

  /** An answer of a client: it may be large, and a call waits for it. */
  reply(body: RawJson): void {
    void this.#own('POST', body, httpLimits.replyMs);
  }

  /** The server's own requests are answered at once: `ping` with `{}`, everything else with -32601. */
  answer(message: ScannedMessage): void {
    if (message.kind !== 'request' || message.id === undefined || this.#replies >= httpLimits.repliesAtOnce) return;
    const answer =
      message.method === 'ping'
        ? resultRaw(message.id, '{}' as RawJson)
        : errorRaw(message.id, rpcCode.methodNotFound, `${message.method} is not offered by this client`);
    this.#replies++;
    void this.post(answer).finally(() => {
      this.#replies--;
    });
  }

  /** Nothing new in it: another one took over, or none is needed. Calls in it end by themselves. */
  leave(): void {
    this.#stream?.stop();
    if (this.#left) return;
    this.#left = true;
    this.place.sessions--;
  }

  /** Leaves, and tells the server: a courtesy, since servers may answer 405 and a replica that ends has no use for it. */
  async end(): Promise<void> {
    if (this.#left) return;
    this.leave();
    if (this.id !== undefined && this.place.state === 'ready') await this.#own('DELETE', undefined);
  }

  #own(
    method: 'POST' | 'DELETE',
    body: RawJson | undefined,
    timeoutMs: number = httpLimits.courtesyMs,
  ): Promise<unknown> {
    return post({
      pool: this.place.calls,
      path: this.#deps.path,
      method,
      headers: this.headers,
      body,
      id: undefined,
      timeoutMs,
      clock: this.#deps.clock,
      last: this.place.state !== 'ready',
    });
  }
}

function streamHeaders(headers: readonly string[]): string[] {
  const out: string[] = [];
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const [name = '', value = ''] = headers.slice(at, at + 2);
    if (name === 'content-type') continue;
    out.push(name, name === 'accept' ? 'text/event-stream' : value);
  }
  return out;
}
