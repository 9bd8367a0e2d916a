/** Connectors and conversations without a wire, for tests of what stands above them. */
import type { Era } from '@quaymaster/crds';

import { type ErrorOutcome, hubError, type LaneCall, type Outcome, type ResultOutcome } from '../../exchange/index.ts';
import { type RawJson, rawOf, type ScannedObject, scanObject } from '../../wire/index.ts';
import {
  ConnectError,
  type Connector,
  type ConnectRequest,
  type Conversation,
  type ConversationEnd,
} from '../conversation.ts';

export class FakeConversation implements Conversation {
  era: Era = 'modern';
  revision = '2026-07-28';
  serverInfo: RawJson | undefined = undefined;
  instructions: RawJson | undefined = undefined;
  capabilities: ScannedObject;
  pid: number | undefined = 4_711;
  /** Names of the tools it lists. */
  tools: string[] = ['echo'];
  /** Answers requests of the hub's own; undefined: the lists above. */
  onRequest: ((method: string) => ErrorOutcome | Promise<ErrorOutcome> | undefined) | undefined;
  /** Answers calls. Default: at once. */
  onSend: (call: LaneCall) => Outcome | Promise<Outcome> = () => this.result({ done: true });
  /** Asks again what it says of itself. */
  refresh?: () => Promise<void>;
  readonly wanted: ConnectRequest;
  readonly requests: string[] = [];
  readonly sent: LaneCall[] = [];
  readonly told: string[] = [];
  closedWith: string | undefined;
  inFlight = 0;
  #closed: ((end: ConversationEnd) => void) | undefined;
  #listener: ((method: string, params: ScannedObject | undefined, message: RawJson) => void) | undefined;

  constructor(request: ConnectRequest, capabilities: object = { tools: { listChanged: true } }) {
    this.wanted = request;
    this.capabilities = object(capabilities);
  }

  async send(call: LaneCall): Promise<Outcome> {
    this.sent.push(call);
    this.inFlight++;
    try {
      return await this.onSend(call);
    } finally {
      this.inFlight--;
    }
  }

  notify(method: string): void {
    this.told.push(method);
  }

  async request(method: string): Promise<ResultOutcome | ErrorOutcome> {
    this.requests.push(method);
    const own = await this.onRequest?.(method);
    if (own !== undefined) return own;
    return this.result(method === 'tools/list' ? { tools: this.tools.map((name) => ({ name })) } : {});
  }

  onNotification(listener: (method: string, params: ScannedObject | undefined, message: RawJson) => void): void {
    this.#listener = listener;
  }

  onClosed(listener: (end: ConversationEnd) => void): void {
    this.#closed = listener;
  }

  async close(reason: string): Promise<void> {
    this.closedWith ??= reason;
  }

  /** The server says something unasked. */
  announce(method: string): void {
    this.#listener?.(method, undefined, '{}' as RawJson);
  }

  /** It is over by itself. */
  end(reason: string, message = 'gone'): void {
    this.#closed?.({ reason, message });
  }

  result(value: object): ResultOutcome {
    return { kind: 'result', result: object(value), era: this.era, server: 'files' };
  }
}

/** Opens what the test prepared; counts what it opened. */
export class FakeConnector implements Connector {
  readonly opened: FakeConversation[] = [];
  readonly asked: ConnectRequest[] = [];
  /** Decides each attempt: prepares the conversation, or throws. */
  plan: (conversation: FakeConversation, attempt: number) => void | Promise<void> = () => {};
  upgraded?: () => Promise<boolean>;

  async connect(request: ConnectRequest, signal: AbortSignal): Promise<Conversation> {
    this.asked.push(request);
    const conversation = new FakeConversation(request);
    const aborted = new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new ConnectError('StartFailed', 'given up', true)), { once: true });
    });
    await Promise.race([this.plan(conversation, this.asked.length), aborted]);
    this.opened.push(conversation);
    return conversation;
  }

  get last(): FakeConversation {
    const last = this.opened.at(-1);
    if (last === undefined) throw new Error('nothing was opened');
    return last;
  }
}

export const gone = hubError('QM_SERVER_GONE', { server: 'default/files', reason: 'test' });

function object(value: object): ScannedObject {
  const scanned = scanObject(rawOf(value));
  if (scanned === undefined) throw new Error('not an object');
  return scanned;
}
