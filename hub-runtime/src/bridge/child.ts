/**
 * What the rest of the hub sees of a child process: lines in, messages out, one end.
 *
 * Contract of `Child`: `onMessage` and `onFault` deliver in the order the child wrote. `onExit` is called exactly once, after the last
 * message, whatever ended the child. Everything is bounded by `ChildLimits`; nothing here knows MCP beyond the shape of a message.
 */
import type { Clock, Logger } from '../base/index.ts';
import type { RawJson, ScanFault, ScannedMessage } from '../wire/index.ts';
import type { ChildCaps } from './child-caps.ts';
import type { ChildRegistry } from './child-registry.ts';

export interface ChildSpec {
  /** Absolute path, or a name looked up on PATH of `env`. Run directly, never through a shell. */
  readonly command: string;
  readonly args: readonly string[];
  /** The complete environment; nothing is inherited beside it (HT-0.11, least surprise and no leaked secrets). */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | undefined;
  /** Values of secrets that it was given: hidden in all that it writes beside messages (EF-72). */
  readonly secrets?: readonly string[] | undefined;
  /** What it may take of the machine. */
  readonly caps?: ChildCaps | undefined;
}

export interface ChildLimits {
  /** Longest line on stdout, bytes. A longer one is dropped and counted. */
  readonly lineBytes: number;
  /** Bytes waiting for a child that does not read; `write` refuses beyond it. */
  readonly queueBytes: number;
  /** Lines of stderr kept for error messages. */
  readonly tailLines: number;
  /** Longest piece of stderr handed on as one line, characters. */
  readonly stderrLineChars: number;
  /** How long a child that ended may keep its pipes open (by grandchildren) before its end counts, milliseconds. */
  readonly drainMs: number;
  /** Between SIGTERM and SIGKILL, milliseconds. */
  readonly killAfterMs: number;
}

export const defaultChildLimits: ChildLimits = {
  lineBytes: 8 * 1024 * 1024,
  queueBytes: 16 * 1024 * 1024,
  tailLines: 50,
  stderrLineChars: 4_096,
  drainMs: 150,
  killAfterMs: 1_000,
};

export interface ChildDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Where the child is kept until it is gone, so that nothing outlives the hub. */
  readonly children: ChildRegistry;
  /** Key of the server whose process it is. */
  readonly server?: string | undefined;
  /** Every line of stderr, in full (the server's own log). Must not throw. */
  readonly stderr?: ((line: string) => void) | undefined;
  /** What stdout is: the protocol (default), or a log like stderr, for programs that are spoken to otherwise. */
  readonly stdout?: 'messages' | 'log' | undefined;
  readonly limits?: Partial<ChildLimits> | undefined;
}

export interface ChildExit {
  readonly code: number | undefined;
  readonly signal: string | undefined;
  /** For people: `exited with code 1: Error: no such file` or `was ended by SIGKILL`. Holds the last words on stderr, when any. */
  readonly message: string;
  /** True when `stop` ended it. */
  readonly expected: boolean;
}

/** What a child wrote to stdout that was no message, and what was done about it. */
export interface NoiseReport {
  readonly lines: number;
  /** The first one, cut. */
  readonly first: string | undefined;
}

export interface Child {
  readonly pid: number;
  /** What was asked for it and could not be done. */
  readonly notice?: string | undefined;
  /** False once it can hear nothing any more, though it may still run for a moment. */
  readonly writable: boolean;
  /** Sends one message as one line. False when it was refused: the queue is full, or the child is gone. */
  write(line: RawJson): boolean;
  /** One listener each; messages that arrive before it is set wait, bounded by the pipe. */
  onMessage(listener: (message: ScannedMessage) => void): void;
  /** A line that begins like a message but is none; `fault.id` tells whom it was meant for, when it could be read. */
  onFault(listener: (fault: ScanFault) => void): void;
  onExit(listener: (exit: ChildExit) => void): void;
  /** Set once the child is over. */
  readonly exit: ChildExit | undefined;
  readonly noise: NoiseReport;
  /** Last lines of stderr (of stdout where that is a log and stderr is silent), oldest first. */
  stderrTail(): readonly string[];
  /** Ends it and its whole group: end of stdin, then after `graceMs` SIGTERM, then SIGKILL. Resolves when all are gone. Idempotent. */
  stop(graceMs: number): Promise<void>;
}

/** Why a child could not be started. `reason` becomes a condition reason. */
export class ChildError extends Error {
  readonly reason:
    | 'CommandNotFound'
    | 'CommandNotExecutable'
    | 'WorkingDirectoryNotFound'
    | 'PortInUse'
    | 'StartTimeout'
    | 'Exited'
    | 'TooManyProcesses'
    | 'SpawnFailed';
  readonly retryable: boolean;

  constructor(reason: ChildError['reason'], message: string, retryable: boolean, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ChildError';
    this.reason = reason;
    this.retryable = retryable;
  }
}
