/** What all ways have in common where one connection carries everything: answers are found by id, progress by token. */
import type { RpcMessage } from '../server/index.ts';
import { idKey } from './link.ts';
import type { Arrival, Link, LinkAnswer, LinkRequest } from './link.ts';
import type { Transcript } from './transcript.ts';

interface Waiting {
  readonly token: unknown;
  readonly id: unknown;
  readonly onMessage: (arrival: Arrival) => void;
  readonly done: () => void;
}

export abstract class PipeLink implements Link {
  abstract readonly transport: Link['transport'];
  onUnasked: (arrival: Arrival) => void = () => undefined;
  protected readonly transcript: Transcript;
  readonly #waiting = new Map<string, Waiting>();

  constructor(transcript: Transcript) {
    this.transcript = transcript;
  }

  abstract close(): Promise<void>;
  protected abstract send(text: string): void;

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

  #write(message: RpcMessage): void {
    this.transcript.add({ direction: 'sent', channel: 'stdio', message });
    this.send(JSON.stringify(message));
  }

  /** One message, or what should be one. */
  protected line(raw: string): void {
    let message: RpcMessage;
    try {
      message = JSON.parse(raw) as RpcMessage;
    } catch {
      this.transcript.add({ direction: 'got', channel: 'stdio', text: raw });
      return;
    }
    this.transcript.add({ direction: 'got', channel: 'stdio', message });
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

  /** Nothing comes any more. */
  protected lost(): void {
    for (const one of this.#waiting.values()) one.done();
  }
}
