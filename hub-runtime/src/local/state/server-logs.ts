/**
 * What servers write on stderr, one file per server, bounded: a full file becomes `<name>.log.1`, the one before it goes.
 *
 * Lines pass through masking before they reach the disk. Writing never blocks the hub: what a slow or full disk does not take, and what a
 * server in a loop writes beyond ten thousand lines a second, is dropped and counted. A disk that has room again is found by itself.
 */
import { createWriteStream, existsSync, mkdirSync, openSync, renameSync, statSync, type WriteStream } from 'node:fs';
import path from 'node:path';

import { maskSecrets } from '../../base/index.ts';

export interface ServerLogsOptions {
  readonly directory: string;
  readonly now: () => number;
  /** Size at which a file is rotated. */
  readonly fileBytes?: number;
  /** Bytes waiting for the disk before lines are dropped. */
  readonly queueBytes?: number;
}

interface RotationOptions {
  readonly fileBytes: number;
  readonly queueBytes: number;
}

const defaultRotation: RotationOptions = { fileBytes: 4 * 1024 * 1024, queueBytes: 1024 * 1024 };

export class ServerLogs {
  readonly #options: Required<ServerLogsOptions>;
  readonly #files = new Map<string, RotatingFile>();

  constructor(options: ServerLogsOptions) {
    this.#options = { ...defaultRotation, ...options };
    mkdirSync(options.directory, { recursive: true, mode: 0o700 });
  }

  /** One line of a server, without its line end. */
  write(server: string, line: string): void {
    let file = this.#files.get(server);
    if (file === undefined) this.#files.set(server, (file = new RotatingFile(this.path(server), this.#options)));
    // Asked first: masking is most of the cost of a line, and a flood of them must not slow the calls of other servers.
    if (file.hasRoom(line.length)) file.write(`${new Date(this.#options.now()).toISOString()} ${maskSecrets(line)}\n`);
  }

  /** The server left the configuration: its file stays on disk, nothing is held open for it. */
  forget(server: string): void {
    const file = this.#files.get(server);
    this.#files.delete(server);
    void file?.close();
  }

  path(server: string): string {
    return logPath(this.#options.directory, server);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#files.values()].map((file) => file.close()));
    this.#files.clear();
  }
}

/** The hub's own JSON log, beside those of its servers. */
export function hubLogPath(stateDirectory: string): string {
  return path.join(stateDirectory, 'hub.log');
}

function logPath(directory: string, server: string): string {
  return path.join(directory, `${server.replaceAll('/', '.')}.log`);
}

/** Lines are gathered and written together: a write per line would cost a call of the hub a tenth of its CPU. */
const gatherMs = 100;
const gatherCharacters = 65_536;
/** Lines within `gatherMs` that `hasRoom` lets through. */
const gatherLines = 1_000;
/** A file that could not be opened or written is tried again after this. */
const retryMs = 1_000;

/** A file that never grows past twice its bound. */
export class RotatingFile {
  readonly #path: string;
  readonly #options: RotationOptions;
  #stream: WriteStream | undefined;
  #size: number;
  #dropped = 0;
  #gathered = '';
  #lines = 0;
  #timer: NodeJS.Timeout | undefined;
  #retryAt = 0;

  constructor(file: string, options: RotationOptions = defaultRotation) {
    this.#path = file;
    this.#options = options;
    this.#size = existsSync(file) ? statSync(file).size : 0;
    this.#stream = this.#open();
  }

  /** False: a line of that length would be dropped, and has been counted as such. */
  hasRoom(length: number): boolean {
    if (this.#lines < gatherLines && this.#waiting() + length <= this.#options.queueBytes) return true;
    this.#dropped += 1;
    this.#gatherLater();
    return false;
  }

  write(text: string): void {
    if (this.#size + this.#gathered.length >= this.#options.fileBytes) this.#rotate();
    else if (this.#stream === undefined && performance.now() >= this.#retryAt) this.#stream = this.#open();
    if (this.#waiting() > this.#options.queueBytes) {
      this.#dropped += 1;
      return;
    }
    this.#lines += 1;
    this.#gathered +=
      this.#dropped === 0
        ? text
        : `(${this.#dropped} lines dropped: too many at once, or a slow or full disk)\n${text}`;
    this.#dropped = 0;
    if (this.#gathered.length >= gatherCharacters) this.#flush();
    else this.#gatherLater();
  }

  #waiting(): number {
    const stream = this.#stream;
    if (stream !== undefined) return stream.writableLength + this.#gathered.length;
    return performance.now() >= this.#retryAt ? 0 : Number.POSITIVE_INFINITY;
  }

  #gatherLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#lines = 0;
      this.#flush();
    }, gatherMs);
  }

  #flush(): void {
    if (this.#gathered === '') return;
    const bytes = Buffer.from(this.#gathered, 'utf8');
    this.#gathered = '';
    this.#size += bytes.length;
    this.#stream?.write(bytes);
  }

  #rotate(): void {
    this.#flush();
    this.#stream?.end();
    try {
      renameSync(this.#path, `${this.#path}.1`);
    } catch {
      // Somebody took the file away: a new one is as good.
    }
    this.#size = 0;
    this.#stream = this.#open();
  }

  /** Opened at once, so that a rename finds it. Undefined on a disk that takes nothing: the hub goes on without this log. */
  #open(): WriteStream | undefined {
    this.#retryAt = performance.now() + retryMs;
    try {
      const stream = createWriteStream(this.#path, { fd: openSync(this.#path, 'a', 0o600) });
      // A full disk must not end the hub; the server's own output is the least important thing on it.
      stream.on('error', () => {
        this.#dropped += 1;
        if (this.#stream !== stream) return;
        this.#stream = undefined;
        this.#retryAt = performance.now() + retryMs;
      });
      return stream;
    } catch {
      return undefined;
    }
  }

  close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#flush();
    const stream = this.#stream;
    return new Promise((resolve) => {
      if (stream === undefined || stream.destroyed) resolve();
      else stream.end(() => resolve());
    });
  }
}
