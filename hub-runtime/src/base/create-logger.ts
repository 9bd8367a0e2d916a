/**
 * The log of a process: JSON lines by pino, masked as whole lines, written without blocking.
 *
 * Why whole lines: a rule per field forgets the next field. Why a bounded buffer: a terminal that is paused must not stop the hub
 * nor fill its memory; what does not fit is dropped and counted. No pino transports: they need a worker file, which a bundle has not.
 */
import pino from 'pino';

import { type Clock, systemClock } from './clock.ts';
import type { Logger } from './logger.ts';
import { maskSecrets } from './masking.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface LoggerOptions {
  readonly level?: LogLevel;
  /** A file descriptor (2 by default), or anything that takes lines. */
  readonly destination?: number | { write(line: string): void };
  readonly clock?: Clock;
  /** Fields on every line. */
  readonly bindings?: Readonly<Record<string, unknown>>;
  /** Bytes waiting for a slow reader before lines are dropped. */
  readonly bufferBytes?: number;
}

export interface ProcessLogger extends Logger {
  readonly level: LogLevel;
  /** Writes a complete JSON line that its maker has masked already. Nothing is checked: only for lines built from known parts. */
  line(json: string): void;
  /** Lines dropped so far. */
  dropped(): number;
  /** Writes out what waits. For the end of the process. */
  flush(): void;
}

const flushMs = 200;

export function createLogger(options: LoggerOptions = {}): ProcessLogger {
  const clock = options.clock ?? systemClock;
  const level = options.level ?? 'info';
  const sink = openSink(options, clock);
  const log = pino(
    {
      level,
      base: options.bindings === undefined ? null : { ...options.bindings },
      formatters: { level: (label) => ({ level: label }) },
      timestamp: () => `,"time":"${new Date(clock.now()).toISOString()}"`,
      hooks: { streamWrite: maskSecrets },
    },
    sink,
  );
  return {
    level,
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error: (fields, message) => log.error(fields, message),
    child: (bindings) => log.child(bindings),
    line: (json) => sink.write(`${json}\n`),
    dropped: sink.dropped,
    flush: sink.flush,
  };
}

interface Sink {
  write(line: string): void;
  dropped(): number;
  flush(): void;
}

function openSink(options: LoggerOptions, clock: Clock): Sink {
  const destination = options.destination ?? 2;
  if (typeof destination !== 'number') {
    return { write: (line) => destination.write(line), dropped: () => 0, flush: () => {} };
  }
  let dropped = 0;
  const stream = pino.destination({
    dest: destination,
    sync: false,
    minLength: 4096,
    maxLength: options.bufferBytes ?? 4 * 1024 * 1024,
  });
  stream.on('drop', () => {
    dropped += 1;
  });
  // A closed pipe (EPIPE) must not end the hub; there is nobody left to tell.
  stream.on('error', () => {
    dropped += 1;
  });
  clock.every(flushMs, () => stream.flush());
  return {
    write: (line) => {
      stream.write(line);
    },
    dropped: () => dropped,
    flush: () => {
      try {
        stream.flushSync();
      } catch {
        // Not open yet, or gone: both mean that nothing more can be written.
      }
    },
  };
}
