/** Lines out of a byte stream, each bounded: an endless line costs its sender the line, not the hub its memory. */
export class PipeReader {
  readonly #onLine: (line: Buffer) => void;
  readonly #onOverlong: () => void;
  readonly #maxBytes: () => number;
  #pieces: Buffer[] = [];
  #held = 0;
  #skipping = false;

  constructor(maxBytes: () => number, onLine: (line: Buffer) => void, onOverlong: () => void) {
    this.#maxBytes = maxBytes;
    this.#onLine = onLine;
    this.#onOverlong = onOverlong;
  }

  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      this.#hold(chunk.subarray(start, end));
      this.#lineEnds();
      start = end + 1;
    }
    if (start < chunk.length) this.#hold(chunk.subarray(start));
  }

  /** The stream ended: what came without a line break counts as a line. */
  end(): void {
    if (this.#held > 0) this.#lineEnds();
  }

  #hold(piece: Buffer): void {
    if (this.#skipping) return;
    this.#held += piece.length;
    if (this.#held > this.#maxBytes()) {
      this.#skipping = true;
      this.#pieces = [];
      this.#onOverlong();
    } else this.#pieces.push(piece);
  }

  #lineEnds(): void {
    const pieces = this.#pieces;
    const skipped = this.#skipping;
    this.#pieces = [];
    this.#held = 0;
    this.#skipping = false;
    if (skipped) return;
    const line = pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
    if (line !== undefined && line.length > 0) this.#onLine(line);
  }
}
