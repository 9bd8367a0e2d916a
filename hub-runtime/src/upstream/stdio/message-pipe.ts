/**
 * What carries JSON-RPC messages both ways between the hub and one server: a child's stdin and stdout, an event stream with an address to post
 * to, a WebSocket. Everything above it (ids, deadlines, questions, handshake) is the same for all of them.
 *
 * `onMessage` and `onFault` deliver in the order the server wrote. `onExit` is called exactly once, after the last message.
 */
import type { RawJson, ScanFault, ScannedMessage } from '../../wire/index.ts';

export interface PipeEnd {
  /** For people. */
  readonly message: string;
  /** From the reason table; a child that ended has `Exited`. */
  readonly reason?: string;
}

export interface MessagePipe {
  /** Of the child, when there is one. */
  readonly pid?: number | undefined;
  /** What was asked for it and could not be done. */
  readonly notice?: string | undefined;
  /** False once the server can hear nothing any more. */
  readonly writable: boolean;
  /** Sends one message. False when it was refused: too much is waiting, or the server is gone. */
  write(message: RawJson): boolean;
  onMessage(listener: (message: ScannedMessage) => void): void;
  /** Something that begins like a message but is none. */
  onFault(listener: (fault: ScanFault) => void): void;
  onExit(listener: (end: PipeEnd) => void): void;
  /** Set once it is over. */
  readonly exit: PipeEnd | undefined;
  /** Ends it. Idempotent. */
  stop(graceMs: number): Promise<void>;
}
