/**
 * A child's stderr: always read (a full pipe stops the child: typescript-sdk #2776), handed on line by line, the last lines kept.
 * A line longer than the bound is handed on in pieces, so a flood without newlines holds no memory.
 */
export class StderrTail {
  readonly #maxLines: number;
  readonly #maxChars: number;
  readonly #sink: ((line: string) => void) | undefined;
  readonly #hide: (text: string) => string;
  readonly #lines: string[] = [];
  #rest = '';

  /** `hide` takes out what nobody may see. */
  constructor(
    maxLines: number,
    maxChars: number,
    sink: ((line: string) => void) | undefined,
    hide: (text: string) => string,
  ) {
    this.#hide = hide;
    this.#maxLines = maxLines;
    this.#maxChars = maxChars;
    this.#sink = sink;
  }

  push(chunk: string): void {
    const pieces = (this.#rest + chunk).split('\n');
    this.#rest = pieces.pop() ?? '';
    for (const piece of pieces) this.#line(piece);
    if (this.#rest.length > this.#maxChars) {
      const long = this.#rest;
      this.#rest = '';
      this.#line(long);
    }
  }

  end(): void {
    const line = this.#rest;
    this.#rest = '';
    this.#line(line);
  }

  lines(): readonly string[] {
    return this.#rest.trim() === '' ? [...this.#lines] : [...this.#lines, this.#hide(this.#rest)];
  }

  /** The line that most likely says what went wrong: the last one that names an error, else the last one. */
  lastWords(): string | undefined {
    const lines = this.lines();
    const telling = lines.findLast(
      (line) => /error|exception|cannot|failed|fatal|not found|usage/i.test(line) && !/^\s+at /.test(line),
    );
    return (telling ?? lines.at(-1))?.trim().slice(0, 300);
  }

  #line(full: string): void {
    const text = this.#hide(full);
    for (let at = 0; at === 0 || at < text.length; at += this.#maxChars) {
      const line = text.slice(at, at + this.#maxChars).trimEnd();
      if (line === '') continue;
      this.#lines.push(line);
      if (this.#lines.length > this.#maxLines) this.#lines.shift();
      this.#sink?.(line);
    }
  }
}
