/**
 * Server-sent events (WHATWG HTML 9.2) over byte-form strings: an incremental parser and a formatter.
 *
 * The parser runs on every chunk of an event stream from a server. CR, LF and CRLF end lines, also when a CRLF is cut by a chunk
 * border; `data` lines are joined with LF; comments and unknown fields are skipped; an event without data is not delivered, but its
 * `id` and `retry` are. One event (all lines together) may hold `maxEventBytes`; more and `push` says no for good.
 */
import type { RawJson } from './raw.ts';
export interface SseEvent {
  /** Joined data lines, byte form; empty when the event had none (priming events of resumable streams). */
  readonly data: RawJson;
  /** `event:` field, `message` when absent. */
  readonly event: string;
  /** `id:` field of this event, undefined when it had none. */
  readonly id: string | undefined;
  /** `retry:` in milliseconds. */
  readonly retry: number | undefined;
}
export declare class SseParser {
  #private;
  constructor(onEvent: (event: SseEvent) => void, maxEventBytes: number);
  /** Takes a chunk (latin1). False: one event is too big; the stream must be given up. */
  push(chunk: string): boolean;
}
/** One message as an event. JSON may hold raw line breaks between its parts: each becomes its own data line. */
export declare function sseEvent(message: RawJson, id?: string): string;
/** A comment line: keeps proxies and clients from giving up on a silent stream. */
export declare const sseKeepAlive = ': keep-alive\n\n';
