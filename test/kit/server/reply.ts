/**
 * How an answer leaves a scripted server: the one thing in which HTTP and stdio differ for a behaviour.
 * The engine calls exactly one of `answer`, `text`, `cut`, `status` or nothing (a request that hangs).
 */
import type { EraName, JsonObject, RpcMessage } from './rpc.ts';

export interface Reply {
  readonly transport: 'http' | 'stdio';
  readonly era: EraName;
  /** Negotiated (legacy) or claimed (modern) version. */
  readonly version: string;
  readonly sessionId: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** What the client declared: in `initialize`, or in this request's envelope. */
  readonly clientCapabilities: JsonObject;
  /** Aborted when this request is cancelled. */
  readonly signal: AbortSignal;
  /** A message that belongs to this request and leaves before its answer. */
  notify(message: RpcMessage): void;
  /** Later messages leave in one write with the answer. HTTP only; stdio may ignore it. */
  cork(): void;
  /** The last message. `httpStatus` counts on HTTP only. */
  answer(message: RpcMessage, httpStatus?: number): void;
  /** Bytes instead of a proper answer. */
  text(raw: string): void;
  /** The last message in two pieces. HTTP answers at once. */
  split(message: RpcMessage, pauseMs: number): void;
  /** Half of this message, then the connection is cut. */
  cut(message: RpcMessage): void;
  /** HTTP status without a JSON-RPC body. */
  status(code: number): void;
  /** Event stream even where JSON would do. */
  stream(): void;
  /** Noise on stdout and stderr. */
  noise(channel: 'stdout' | 'stderr', text: string): void;
  /** A live question to the client (legacy); resolves with its answer. */
  ask(method: string, params: JsonObject): Promise<unknown>;
}
