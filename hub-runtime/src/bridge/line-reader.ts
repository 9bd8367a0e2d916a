/**
 * Cuts a child's stdout into messages, tolerant of everything that is not one.
 *
 * Runs on each chunk. Decides per line: a message, a broken message, or noise (banners, logs, blank lines, a prompt without a newline
 * before a message: HT-0.11). The stdio transport allows nothing but messages on stdout; real servers print all of these.
 * Bytes are kept as one character each, so a UTF-8 character split across chunks needs no care.
 * Never holds more than one line of `lineBytes`; never throws.
 */
import {
  type RawJson,
  type ScanFault,
  scanBatch,
  type ScanLimits,
  scanMessage,
  type ScannedMessage,
} from '../wire/index.ts';

export type NoiseKind = 'text' | 'broken' | 'tooLong';

export interface LineSink {
  message(message: ScannedMessage): void;
  /** Begins like a message, but is none. */
  fault(fault: ScanFault): void;
  noise(kind: NoiseKind, line: string): void;
}

/** What a server may answer: larger than what a client may ask, since results are forwarded and never built. */
const answerLimits: ScanLimits = { depth: 128, nodes: 2_000_000 };
/** 2025-03-26 servers may answer in batches; the hub never sends one, so this is courtesy. */
const batchElements = 100;
/** What is kept of the beginning and of the end of a line that is too long. */
const headChars = 200;
const tailChars = 64;
/** How almost every implementation begins a message; found behind text that lacks its newline. */
const opening = '{"jsonrpc"';

export class LineReader {
  readonly #sink: LineSink;
  readonly #lineBytes: number;
  #rest = '';
  #skipping = false;
  /** Of a line that is too long and did not begin with an id: its beginning, and its end so far. */
  #head: string | undefined;
  #tail = '';

  constructor(sink: LineSink, lineBytes: number) {
    this.#sink = sink;
    this.#lineBytes = lineBytes;
  }

  /** `chunk` in byte form. */
  push(chunk: string): void {
    let from = 0;
    for (;;) {
      const end = chunk.indexOf('\n', from);
      if (end < 0) break;
      const piece = chunk.slice(from, end);
      from = end + 1;
      if (this.#skipping) {
        this.#skipping = false;
        this.#skipped(piece);
        continue;
      }
      if (this.#rest === '') this.#line(piece);
      else {
        const line = this.#rest + piece;
        this.#rest = '';
        this.#line(line);
      }
    }
    if (from < chunk.length) this.#keep(from === 0 ? chunk : chunk.slice(from));
  }

  /** The stream ended: a last line without newline still counts. */
  end(): void {
    const line = this.#rest;
    this.#rest = '';
    if (this.#skipping) this.#skipped('');
    if (!this.#skipping && line !== '') this.#line(line);
  }

  #keep(piece: string): void {
    if (this.#skipping) {
      if (this.#head !== undefined) this.#tail = (this.#tail + piece).slice(-tailChars);
    } else if (this.#rest.length + piece.length > this.#lineBytes) {
      const line = this.#rest + piece;
      this.#rest = '';
      this.#skipping = true;
      // Many servers write the id last: who waits for the answer is known at the end of the line.
      if (line.startsWith('{') && idOf(line.slice(0, headChars)) === undefined) {
        this.#head = line.slice(0, headChars);
        this.#tail = line.slice(-tailChars);
      } else this.#tooLong(line);
    } else this.#rest = this.#rest === '' ? piece : this.#rest + piece;
  }

  /** The end of a line that was too long. */
  #skipped(piece: string): void {
    if (this.#head !== undefined) this.#tooLong(this.#head, (this.#tail + piece).slice(-tailChars));
    this.#head = undefined;
    this.#tail = '';
  }

  #tooLong(start: string, end = start.slice(-tailChars)): void {
    const line = start.slice(0, headChars);
    const id = idOf(line) ?? idAtEnd(end);
    const message = `a line of more than ${this.#lineBytes} bytes`;
    if (id === undefined) this.#sink.noise('tooLong', line);
    else this.#sink.fault({ kind: 'fault', fault: 'limit', message, id });
  }

  #line(line: string): void {
    if (line.length > this.#lineBytes) {
      this.#tooLong(line);
      return;
    }
    const code = line.charCodeAt(0);
    if (code === 123) this.#scan(line);
    else this.#odd(line);
  }

  /** Anything but `{` first: blank, indented, a batch, or text, perhaps with a message behind it. */
  #odd(line: string): void {
    const text = line.trim();
    if (text === '') return;
    const code = text.charCodeAt(0);
    if (code === 123) {
      this.#scan(text);
      return;
    }
    if (code === 91) {
      const batch = scanBatch(text as RawJson, batchElements, answerLimits);
      if ('kind' in batch) this.#sink.noise('text', text);
      else for (const element of batch) this.#deliver(element, text);
      return;
    }
    const at = text.indexOf(opening);
    if (at > 0) {
      const scanned = scanMessage(text.slice(at) as RawJson, answerLimits);
      if (scanned.kind !== 'fault') {
        this.#sink.noise('text', text.slice(0, at));
        this.#sink.message(scanned);
        return;
      }
    }
    this.#sink.noise('text', text);
  }

  #scan(line: string): void {
    this.#deliver(scanMessage(line as RawJson, answerLimits), line);
  }

  #deliver(scanned: ScannedMessage | ScanFault, line: string): void {
    if (scanned.kind !== 'fault') {
      this.#sink.message(scanned);
      return;
    }
    const id = scanned.id ?? idOf(line);
    if (id !== undefined) this.#sink.fault({ ...scanned, id });
    else this.#sink.noise(line.includes('"jsonrpc"') ? 'broken' : 'text', line);
  }
}

/** The id of a message that could not be read to its end, so that its caller hears of it instead of waiting for the deadline. */
function idOf(line: string): RawJson | undefined {
  const match = /^\s*\{\s*"jsonrpc"\s*:\s*"2\.0"\s*,\s*"id"\s*:\s*(\d{1,15})\s*,/.exec(line);
  return match === null ? undefined : (match[1] as RawJson);
}

/** The same where the id comes last, as the TypeScript SDK writes it. */
function idAtEnd(end: string): RawJson | undefined {
  const match = /"jsonrpc"\s*:\s*"2\.0"\s*,\s*"id"\s*:\s*(\d{1,15})\s*\}\s*$/.exec(end);
  return match === null ? undefined : (match[1] as RawJson);
}
