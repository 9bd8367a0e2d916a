/**
 * A running child: its pipes, its end, and the end of everything it started.
 *
 *   running ──stop()──► stdin ended ──grace──► SIGTERM to the group ──killAfter──► SIGKILL to the group ──► gone
 *      └──exits, or closes stdin or stdout──► what is left of the group: SIGTERM, killAfter, SIGKILL ──► gone
 *
 * `onExit` fires when the leader has ended and stdout is read to its end, or `drainMs` after the leader's end when grandchildren hold the
 * pipe: calls in flight must fail within milliseconds, not when the last grandchild lets go. The registry keeps the child until the group
 * is gone.
 */
import type { ChildProcessWithoutNullStreams } from 'node:child_process';

import type { Clock } from '../base/index.ts';
import type { RawJson, ScanFault, ScannedMessage } from '../wire/index.ts';
import {
  type Child,
  type ChildDeps,
  type ChildExit,
  type ChildLimits,
  defaultChildLimits,
  type NoiseReport,
} from './child.ts';
import { LineReader, type NoiseKind } from './line-reader.ts';
import { LineWriter } from './line-writer.ts';
import { groupIsAlive, signalGroup } from './process-group.ts';
import { StderrTail } from './stderr-tail.ts';

/** How often the end of a group is looked at while it is being ended. */
const lookMs = 20;
/** After SIGKILL only zombies nobody reaps can remain; they are not waited for. */
const giveUpMs = 500;

const noiseText: Readonly<Record<NoiseKind, string>> = {
  text: 'the server writes text to stdout, where only messages belong; it is left out (shown once)',
  broken: 'the server wrote a broken message to stdout; it is left out (shown once)',
  tooLong: 'the server wrote a line over the size limit to stdout; it is left out (shown once)',
};

export class SupervisedChild implements Child {
  readonly pid: number;
  readonly server: string | undefined;
  readonly notice: string | undefined;
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #deps: ChildDeps;
  readonly #clock: Clock;
  readonly #limits: ChildLimits;
  readonly #writer: LineWriter;
  readonly #stderr: StderrTail;
  /** Where stdout is no protocol. */
  readonly #stdout: StderrTail | undefined;
  readonly #hide: (text: string) => string;
  readonly #noiseSeen = new Set<NoiseKind>();
  #noiseLines = 0;
  #noiseFirst: string | undefined;
  #exit: ChildExit | undefined;
  #ended: { code: number | undefined; signal: string | undefined } | undefined;
  readonly #startReading: () => void;
  #stdoutOpen = true;
  #ending = false;
  #stopping: Promise<void> | undefined;
  #onMessage: ((message: ScannedMessage) => void) | undefined;
  #onFault: (fault: ScanFault) => void = () => {};
  readonly #onExit: ((exit: ChildExit) => void)[] = [];
  readonly #groupGone: Promise<void>;
  #resolveGroupGone: () => void = () => {};

  constructor(
    process: ChildProcessWithoutNullStreams,
    pid: number,
    deps: ChildDeps,
    hide: (text: string) => string,
    notice?: string,
  ) {
    this.notice = notice;
    this.#hide = hide;
    this.pid = pid;
    this.#process = process;
    this.#deps = deps;
    this.#clock = deps.clock;
    this.#limits = { ...defaultChildLimits, ...deps.limits };
    this.#groupGone = new Promise((resolve) => (this.#resolveGroupGone = resolve));
    this.server = deps.server;
    deps.children.add(this);

    this.#writer = new LineWriter(process.stdin, this.#limits.queueBytes);
    // EPIPE and friends: the exit that follows tells the story. A child that only closed its stdin is ended, it can hear nothing any more.
    process.stdin.on('error', () => this.#deaf());
    process.stdin.on('close', () => this.#deaf());

    const { tailLines, stderrLineChars } = this.#limits;
    this.#stderr = new StderrTail(tailLines, stderrLineChars, deps.stderr, hide);
    process.stderr.setEncoding('utf8');
    process.stderr.on('data', (chunk: string) => this.#stderr.push(chunk));
    process.stderr.on('end', () => this.#stderr.end());
    process.stderr.on('error', () => {});

    this.#stdout = deps.stdout === 'log' ? new StderrTail(tailLines, stderrLineChars, deps.stderr, hide) : undefined;
    const reader = new LineReader(
      {
        message: (message) => this.#onMessage?.(message),
        fault: (fault) => this.#onFault(fault),
        noise: (kind, line) => this.#noise(kind, line),
      },
      this.#limits.lineBytes,
    );
    process.stdout.on('error', () => {});
    process.stdout.once('end', () => {
      reader.end();
      this.#stdout?.end();
      this.#stdoutEnded();
    });
    process.stdout.once('close', () => this.#stdoutEnded());
    this.#startReading = () => process.stdout.on('data', (chunk: Buffer) => reader.push(chunk.toString('latin1')));
    const { stdout } = process;
    if (this.#stdout !== undefined) stdout.setEncoding('utf8').on('data', (chunk: string) => this.#stdout?.push(chunk));

    process.once('exit', (code, signal) => this.#leaderEnded(code ?? undefined, signal ?? undefined));
    process.on('error', () => {});
  }

  get exit(): ChildExit | undefined {
    return this.#exit;
  }

  get noise(): NoiseReport {
    return { lines: this.#noiseLines, first: this.#noiseFirst };
  }

  endFor(why: string): void {
    this.#stderr.push(`\n${why}\n`);
    signalGroup(this.pid, 'SIGKILL');
  }

  get writable(): boolean {
    return this.#ended === undefined && this.#writer.isOpen;
  }

  write(line: RawJson): boolean {
    return this.#ended === undefined && this.#writer.write(line);
  }

  onMessage(listener: (message: ScannedMessage) => void): void {
    const first = this.#onMessage === undefined;
    this.#onMessage = listener;
    if (first && this.#stdout === undefined) this.#startReading();
  }

  onFault(listener: (fault: ScanFault) => void): void {
    this.#onFault = listener;
  }

  onExit(listener: (exit: ChildExit) => void): void {
    if (this.#exit !== undefined) listener(this.#exit);
    else this.#onExit.push(listener);
  }

  stderrTail(): readonly string[] {
    const lines = this.#stderr.lines();
    return lines.length === 0 && this.#stdout !== undefined ? this.#stdout.lines() : lines;
  }

  stop(graceMs: number): Promise<void> {
    this.#stopping ??= this.#stop(graceMs);
    return this.#stopping;
  }

  async #stop(graceMs: number): Promise<void> {
    // The clock's timers never keep a process alive, but a hub that shuts down must stay until its children are gone.
    const hold = setInterval(() => {}, 60_000);
    await this.#end(graceMs);
    clearInterval(hold);
  }

  async #end(graceMs: number): Promise<void> {
    this.#writer.end();
    // Nobody listens to what it still says, but a full pipe would keep it from ending.
    this.#process.stdout.resume();
    if (this.#ended === undefined) {
      const leaderEnded = new Promise<void>((resolve) => this.#process.once('exit', () => resolve()));
      const cancel = this.#clock.after(graceMs, () => this.#endGroup());
      await leaderEnded;
      cancel();
    }
    await this.#groupGone;
  }

  #deaf(): void {
    this.#writer.drop();
    if (this.#ended === undefined && this.#stopping === undefined) {
      this.#clock.after(this.#limits.killAfterMs, () => {
        if (this.#ended === undefined && this.#stopping === undefined) this.#endGroup();
      });
    }
  }

  #stdoutEnded(): void {
    if (!this.#stdoutOpen) return;
    this.#stdoutOpen = false;
    if (this.#ended !== undefined) this.#finish();
    else this.#deaf();
  }

  #leaderEnded(code: number | undefined, signal: string | undefined): void {
    this.#ended = { code, signal };
    this.#writer.drop();
    this.#endGroup();
    // Messages still in the pipe count. Without a listener nobody wants them.
    if (this.#onMessage === undefined) this.#process.stdout.resume();
    if (!this.#stdoutOpen) this.#finish();
    else this.#clock.after(this.#limits.drainMs, () => this.#finish());
  }

  #finish(): void {
    if (this.#exit !== undefined || this.#ended === undefined) return;
    this.#stdoutOpen = false;
    const { code, signal } = this.#ended;
    const how = signal === undefined ? `exited with code ${code}` : `was ended by ${signal}`;
    const words = this.#stderr.lastWords() ?? this.#stdout?.lastWords();
    const message = words === undefined ? how : `${how}: ${words}`;
    this.#exit = { code, signal, message, expected: this.#stopping !== undefined };
    this.#process.stdout.destroy();
    this.#process.stderr.destroy();
    for (const listener of this.#onExit.splice(0)) listener(this.#exit);
  }

  /** SIGTERM now, SIGKILL after `killAfterMs` if anything is left, and done when nothing is. */
  #endGroup(): void {
    if (this.#ending) return;
    this.#ending = true;
    signalGroup(this.pid, 'SIGTERM');
    const begun = this.#clock.monotonic();
    let killed = false;
    const look = (): void => {
      const waited = this.#clock.monotonic() - begun;
      if (!groupIsAlive(this.pid) || waited >= this.#limits.killAfterMs + giveUpMs) {
        this.#deps.children.remove(this);
        this.#resolveGroupGone();
        return;
      }
      if (!killed && waited >= this.#limits.killAfterMs) {
        killed = true;
        signalGroup(this.pid, 'SIGKILL');
      }
      this.#clock.after(lookMs, look);
    };
    look();
  }

  #noise(kind: NoiseKind, line: string): void {
    this.#noiseLines++;
    this.#noiseFirst ??= this.#shown(line);
    if (this.#noiseSeen.has(kind)) return;
    this.#noiseSeen.add(kind);
    this.#deps.log.warn({ pid: this.pid, line: this.#shown(line) }, noiseText[kind]);
  }

  #shown(line: string): string {
    return shown(line, this.#hide);
  }
}

/** Foreign text for logs and messages: cut, decoded, without control characters (a terminal may read them as commands). */
function shown(line: string, hide: (text: string) => string): string {
  // Hidden before it is cut: half a secret is one, too.
  const text = hide(Buffer.from(line.slice(0, 8_192), 'latin1').toString('utf8')).slice(0, 200);
  // oxlint-disable-next-line no-control-regex
  return text.replace(/[\x00-\x1f\x7f-\x9f]+/g, ' ').trim();
}
