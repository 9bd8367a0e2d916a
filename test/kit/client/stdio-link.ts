/** The kit client's way over a child's stdin and stdout. Lines that are no JSON are kept in the transcript as text. */
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { PipeLink } from './pipe-link.ts';
import type { Transcript } from './transcript.ts';

const maxStderr = 1024 * 1024;
const closeGraceMs = 2_000;

export class StdioLink extends PipeLink {
  readonly transport = 'stdio';
  readonly child: ChildProcessWithoutNullStreams;
  /** Newest part of what the child wrote to stderr. */
  stderr = '';
  #rest = '';

  constructor(
    command: string,
    args: readonly string[],
    env: Record<string, string> | undefined,
    transcript: Transcript,
  ) {
    super(transcript);
    this.child = spawn(command, args, { stdio: 'pipe', env: { ...process.env, ...env } });
    this.child.stdout.setEncoding('utf8');
    this.child.stdout.on('data', (text: string) => this.#take(text));
    this.child.stderr.setEncoding('utf8');
    this.child.stderr.on('data', (text: string) => {
      this.stderr = (this.stderr + text).slice(-maxStderr);
    });
    this.child.stdin.on('error', () => undefined);
    this.child.on('error', () => this.lost());
    this.child.on('close', () => this.lost());
  }

  /** Closes stdin, as the specification asks; kills a child that stays. */
  async close(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null || this.child.pid === undefined) return;
    const gone = once(this.child, 'close');
    this.child.stdin.end();
    const timer = setTimeout(() => this.child.kill('SIGKILL'), closeGraceMs);
    await gone;
    clearTimeout(timer);
  }

  protected send(text: string): void {
    this.child.stdin.write(`${text}\n`);
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const raw of lines) {
      if (raw.trim() !== '') this.line(raw);
    }
  }
}
