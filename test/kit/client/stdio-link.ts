/** The kit client's way over a child's stdin and stdout. Lines that are no JSON are kept in the transcript as text. */
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import type { RpcMessage } from '../server/index.ts';
import { idKey } from './link.ts';
import type { Arrival, Link, LinkAnswer, LinkRequest } from './link.ts';
import type { Transcript } from './transcript.ts';

const maxStderr = 1024 * 1024;
const closeGraceMs = 2_000;

interface Waiting {
  readonly token: unknown;
  readonly id: unknown;
  readonly onMessage: (arrival: Arrival) => void;
  readonly done: () => void;
}

export class StdioLink implements Link {
  readonly transport = 'stdio';
  readonly child: ChildProcessWithoutNullStreams;
  /** Newest part of what the child wrote to stderr. */
  stderr = '';
  onUnasked: (arrival: Arrival) => void = () => undefined;
  readonly #transcript: Transcript;
  readonly #waiting = new Map<string, Waiting>();
  #rest = '';

  constructor(
    command: string,
    args: readonly string[],
    env: Record<string, string> | undefined,
    transcript: Transcript,
  ) {
    this.#transcript = transcript;
    this.child = spawn(command, args, { stdio: 'pipe', env: { ...process.env, ...env } });
    this.child.stdout.setEncoding('utf8');
    this.child.stdout.on('data', (text: string) => this.#take(text));
    this.child.stderr.setEncoding('utf8');
    this.child.stderr.on('data', (text: string) => {
      this.stderr = (this.stderr + text).slice(-maxStderr);
    });
    this.child.stdin.on('error', () => undefined);
    this.child.on('error', () => this.#lost());
    this.child.on('close', () => this.#lost());
  }

  async exchange(request: LinkRequest): Promise<LinkAnswer> {
    const key = idKey(request.message.id);
    const finished = Promise.withResolvers<void>();
    const meta = request.message.params?.['_meta'] as { progressToken?: unknown } | undefined;
    this.#waiting.set(key, {
      token: meta?.progressToken,
      id: request.message.id,
      onMessage: request.onMessage,
      done: finished.resolve,
    });
    request.signal.addEventListener('abort', () => finished.resolve(), { once: true });
    this.#write(request.message);
    await finished.promise;
    this.#waiting.delete(key);
    return { status: 0, headers: {}, text: undefined };
  }

  post(message: RpcMessage): Promise<number> {
    this.#write(message);
    return Promise.resolve(0);
  }

  openStream(): Promise<LinkAnswer> {
    return Promise.resolve({ status: 0, headers: {}, text: undefined });
  }

  endSession(): Promise<number> {
    return Promise.resolve(0);
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

  #write(message: RpcMessage): void {
    this.#transcript.add({ direction: 'sent', channel: 'stdio', message });
    this.child.stdin.write(`${JSON.stringify(message)}\n`);
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const raw of lines) {
      if (raw.trim() !== '') this.#line(raw);
    }
  }

  #line(raw: string): void {
    let message: RpcMessage;
    try {
      message = JSON.parse(raw) as RpcMessage;
    } catch {
      this.#transcript.add({ direction: 'got', channel: 'stdio', text: raw });
      return;
    }
    this.#transcript.add({ direction: 'got', channel: 'stdio', message });
    const owner = this.#ownerOf(message);
    if (owner === undefined) {
      this.onUnasked({ message, raw });
      return;
    }
    owner.onMessage({ message, raw });
    if (message.method === undefined) owner.done();
  }

  #ownerOf(message: RpcMessage): Waiting | undefined {
    if (message.method === undefined) return this.#waiting.get(idKey(message.id));
    const params = message.params;
    const meta = params?.['_meta'] as Record<string, unknown> | undefined;
    const subscription = meta?.['io.modelcontextprotocol/subscriptionId'];
    if (subscription !== undefined) return this.#waiting.get(idKey(subscription as string | number));
    if (message.method !== 'notifications/progress') return undefined;
    const token = params?.['progressToken'];
    for (const one of this.#waiting.values()) if (one.token !== undefined && one.token === token) return one;
    return undefined;
  }

  #lost(): void {
    for (const one of this.#waiting.values()) one.done();
  }
}
