/**
 * What servers write on stderr, one file per server, bounded: a full file becomes `<name>.log.1`, the one before it goes.
 *
 * Lines pass through masking before they reach the disk. Writing never blocks the hub; what a slow disk does not take is dropped and counted.
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
    file.write(`${new Date(this.#options.now()).toISOString()} ${maskSecrets(line)}\n`);
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
const gatherCharacters = 16_384;

/** A file that never grows past twice its bound. */
export class RotatingFile {
  readonly #path: string;
  readonly #options: RotationOptions;
  #stream: WriteStream | undefined;
  #size: number;
  #dropped = 0;
  #gathered = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(file: string, options: RotationOptions = defaultRotation) {
    this.#path = file;
    this.#options = options;
    this.#size = existsSync(file) ? statSync(file).size : 0;
    this.#stream = this.#open();
  }

  write(text: string): void {
    if (this.#size + this.#gathered.length >= this.#options.fileBytes) this.#rotate();
    const waiting = (this.#stream?.writableLength ?? Number.POSITIVE_INFINITY) + this.#gathered.length;
    if (waiting > this.#options.queueBytes) {
      this.#dropped += 1;
      return;
    }
    const line = this.#dropped === 0 ? text : `(${this.#dropped} lines dropped: the disk is slow)\n${text}`;
    this.#dropped = 0;
    this.#gathered += line;
    if (this.#gathered.length >= gatherCharacters) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), gatherMs);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
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
    try {
      const stream = createWriteStream(this.#path, { fd: openSync(this.#path, 'a', 0o600) });
      // A full disk must not end the hub; the server's own output is the least important thing on it.
      stream.on('error', () => {
        this.#dropped += 1;
      });
      return stream;
    } catch {
      return undefined;
    }
  }

  close(): Promise<void> {
    this.#flush();
    const stream = this.#stream;
    return new Promise((resolve) => {
      if (stream === undefined || stream.destroyed) resolve();
      else stream.end(() => resolve());
    });
  }
}
