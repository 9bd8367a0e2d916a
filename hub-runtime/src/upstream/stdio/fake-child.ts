/** A child without a process, for tests: what the hub wrote can be read, what the server says is put in as text. */
import type { Child, ChildExit, NoiseReport } from '../../bridge/index.ts';
import { type RawJson, type ScanFault, scanMessage, type ScannedMessage } from '../../wire/index.ts';

export class FakeChild implements Child {
  readonly pid = 4711;
  readonly written: string[] = [];
  noise: NoiseReport = { lines: 0, first: undefined };
  exit: ChildExit | undefined;
  writable = true;
  /** What `write` answers. */
  takes = true;
  stopped: number | undefined;
  /** Reads each request and says what comes back, as a real server would. */
  answer: ((request: Readonly<Record<string, unknown>>) => readonly string[] | undefined) | undefined;
  #message: (message: ScannedMessage) => void = () => {};
  #fault: (fault: ScanFault) => void = () => {};
  readonly #exits: ((exit: ChildExit) => void)[] = [];

  write(line: RawJson): boolean {
    if (!this.takes || !this.writable || this.exit !== undefined) return false;
    this.written.push(line);
    const answers = this.answer?.(JSON.parse(line) as Record<string, unknown>);
    if (answers !== undefined) queueMicrotask(() => answers.forEach((text) => this.say(text)));
    return true;
  }

  say(text: string): void {
    const scanned = scanMessage(text as RawJson);
    if (scanned.kind === 'fault') this.#fault(scanned);
    else this.#message(scanned);
  }

  die(message = 'exited with code 1'): void {
    this.writable = false;
    this.exit = { code: 1, signal: undefined, message, expected: false };
    for (const listener of this.#exits.splice(0)) listener(this.exit);
  }

  onMessage(listener: (message: ScannedMessage) => void): void {
    this.#message = listener;
  }

  onFault(listener: (fault: ScanFault) => void): void {
    this.#fault = listener;
  }

  onExit(listener: (exit: ChildExit) => void): void {
    this.#exits.push(listener);
  }

  stderrTail(): readonly string[] {
    return [];
  }

  stop(graceMs: number): Promise<void> {
    this.stopped = graceMs;
    if (this.exit === undefined) this.die('exited with code 0');
    return Promise.resolve();
  }

  /** The last line written, parsed. */
  get last(): Record<string, unknown> {
    return JSON.parse(this.written.at(-1) ?? 'null') as Record<string, unknown>;
  }
}
