/** What a transport gives to the kit client. It moves messages; it knows no methods. */
import type { RpcId, RpcMessage } from '../server/index.ts';

export interface Arrival {
  readonly message: RpcMessage;
  readonly raw: string;
}

export interface LinkHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

export interface LinkAnswer extends LinkHead {
  /** Body that was no JSON-RPC message (an HTTP refusal in plain text). */
  readonly text: string | undefined;
}

export interface LinkRequest {
  readonly message: RpcMessage;
  readonly headers: Readonly<Record<string, string>>;
  /** Ends the wire request. What the protocol says about cancelling is the client's business. */
  readonly signal: AbortSignal;
  /** Status and headers, before any message. Never called on stdio. */
  readonly onHead?: (head: LinkHead) => void;
  /** Everything that belongs to this request, its answer included. */
  readonly onMessage: (arrival: Arrival) => void;
}

export interface Link {
  readonly transport: 'http' | 'stdio' | 'sse' | 'websocket';
  /** Resolves when nothing more can come for this request: body ended (HTTP), answer seen (stdio). */
  exchange(request: LinkRequest): Promise<LinkAnswer>;
  /** A notification or an answer to a question. Resolves with the HTTP status, 0 on stdio. */
  post(message: RpcMessage, headers: Readonly<Record<string, string>>): Promise<number>;
  /** The legacy GET stream; stdio has none and resolves at once. */
  openStream(headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<LinkAnswer>;
  /** What belongs to no request: GET stream, or anything unasked on stdio. */
  onUnasked: (arrival: Arrival) => void;
  /** Ends a legacy session. Resolves with the HTTP status, 0 on stdio. */
  endSession(headers: Readonly<Record<string, string>>): Promise<number>;
  close(): Promise<void>;
}

/** Messages of one id stand apart by type too: 1 and "1" are different requests. */
export function idKey(id: RpcId | undefined): string {
  return `${typeof id}:${String(id)}`;
}
