/** What the mirror fetched, on the disk: one file for each address and kind of answer, and the addresses of packages by their checksum. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Fetched {
  readonly status: number;
  readonly type: string;
  readonly body: Buffer;
}

export interface Stored extends Fetched {
  /** Wall clock, milliseconds. */
  readonly at: number;
}

export class MirrorStore {
  readonly #folder: string;
  readonly #now: () => number;
  /** By checksum; on the disk as well, since a tarball may be asked for after a restart. */
  readonly #addresses = new Map<string, string>();

  constructor(folder: string, now: () => number) {
    this.#folder = folder;
    this.#now = now;
    for (const each of ['answers', 'addresses']) mkdirSync(join(folder, each), { recursive: true });
  }

  age({ at }: Stored): number {
    return this.#now() - at;
  }

  read(url: string, accepts: string): Stored | undefined {
    try {
      const bytes = readFileSync(this.#answer(url, accepts));
      const cut = bytes.indexOf(10);
      const head = JSON.parse(bytes.toString('utf8', 0, cut)) as Omit<Stored, 'body'>;
      return { ...head, body: bytes.subarray(cut + 1) };
    } catch {
      return undefined;
    }
  }

  /** Answers that may be other ones later (missing, broken) are passed on and not kept. */
  write(url: string, accepts: string, { status, type, body }: Fetched): Stored {
    const at = this.#now();
    if (status === 200)
      this.#replace(
        this.#answer(url, accepts),
        Buffer.concat([Buffer.from(`${JSON.stringify({ status, type, at })}\n`, 'utf8'), body]),
      );
    return { status, type, at, body };
  }

  /** The name under which the address is asked for. */
  remember(url: string): string {
    const name = sum(url);
    if (!this.#addresses.has(name)) {
      const file = join(this.#folder, 'addresses', name);
      if (readText(file) !== url) this.#replace(file, Buffer.from(url, 'utf8'));
      this.#addresses.set(name, url);
    }
    return name;
  }

  address(name: string): string | undefined {
    return this.#addresses.get(name) ?? readText(join(this.#folder, 'addresses', name));
  }

  #answer(url: string, accepts: string): string {
    return join(this.#folder, 'answers', sum(`${accepts} ${url}`));
  }

  #replace(file: string, bytes: Buffer): void {
    const part = `${file}.${process.pid}.part`;
    writeFileSync(part, bytes);
    renameSync(part, file);
  }
}

function sum(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
