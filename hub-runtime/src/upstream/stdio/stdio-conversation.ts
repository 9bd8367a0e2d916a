/**
 * A negotiated conversation over a child's stdin and stdout: the Lane of a stdio server.
 *
 * `send` is the hot path: one line up, one write per turn of the event loop for all calls of that turn, and the answer straight to the
 * promise. Notifications that cannot be attributed to one caller are dropped where the child is shared, never guessed (field notes 6.3.2).
 */
import type { Era, ServerConfig } from '@quaymaster/crds';

import type { Clock } from '../../base/index.ts';
import type { ErrorOutcome, LaneCall, Outcome, ResultOutcome } from '../../exchange/index.ts';
import type { RawJson, ScannedMessage, ScannedObject } from '../../wire/index.ts';
import { protocolFault } from '../answer.ts';
import type { Conversation, ConversationEnd } from '../conversation.ts';
import { callLine, ownLine } from './call-line.ts';
import type { Negotiated } from './handshake.ts';
import { listenForListChanges } from './list-changes.ts';
import type { StdioChannel } from './stdio-channel.ts';

export interface ConversationOptions {
  readonly channel: StdioChannel;
  readonly negotiated: Negotiated;
  readonly purpose: 'primary' | 'client';
  /** Members of the modern envelope. */
  readonly envelope: string;
  readonly clock: Clock;
  /** Read at each call: timeouts may be edited while the child runs. */
  readonly config: () => ServerConfig;
  /** Between the end of stdin and SIGTERM. */
  readonly graceMs: number;
}

type NotificationListener = (method: string, params: ScannedObject | undefined, message: RawJson) => void;

export class StdioConversation implements Conversation {
  readonly era: Era;
  readonly revision: string;
  readonly serverInfo: RawJson | undefined;
  readonly instructions: RawJson | undefined;
  readonly capabilities: ScannedObject;
  readonly pid: number;
  readonly #channel: StdioChannel;
  readonly #options: ConversationOptions;
  /** '' for a legacy server. */
  readonly #envelope: string;
  #onNotification: NotificationListener = () => {};
  #onClosed: ((end: ConversationEnd) => void) | undefined;
  #ended: ConversationEnd | undefined;

  constructor(options: ConversationOptions) {
    const { channel, negotiated } = options;
    this.era = negotiated.era;
    this.revision = negotiated.revision;
    this.serverInfo = negotiated.serverInfo;
    this.instructions = negotiated.instructions;
    this.capabilities = negotiated.capabilities;
    this.pid = channel.child.pid;
    this.#channel = channel;
    this.#options = options;
    this.#envelope = negotiated.era === 'modern' ? options.envelope : '';
    const { key, prefix } = options.config();
    channel.answerer = { era: negotiated.era, key, prefix };
    channel.onNotification = (message) => this.#notified(message);
    channel.onEnd = (message) => this.#over(message);
    if (channel.child.exit !== undefined) this.#over(channel.child.exit.message);
    if (negotiated.era === 'modern' && options.purpose === 'primary')
      listenForListChanges(channel, negotiated.capabilities, options.envelope, options.clock);
  }

  get inFlight(): number {
    return this.#channel.calls;
  }

  send(call: LaneCall): Promise<Outcome> {
    const { callMs, callMaxMs } = this.#options.config().timeouts;
    const id = this.#channel.nextId();
    const { method, leg } = call.exchange;
    return this.#channel.request(id, method, callLine(id, call, this.#envelope), leg, callMs, callMaxMs);
  }

  async request(method: string, params: RawJson, timeoutMs: number): Promise<ResultOutcome | ErrorOutcome> {
    const id = this.#channel.nextId();
    const line = ownLine(id, method, params, this.#envelope);
    const outcome = await this.#channel.request(id, method, line, undefined, timeoutMs, timeoutMs);
    if (outcome.kind === 'result' || outcome.kind === 'error') return outcome;
    return protocolFault(this.#options.config().key, `${method} asked a question`);
  }

  onNotification(listener: NotificationListener): void {
    this.#onNotification = listener;
  }

  onClosed(listener: (end: ConversationEnd) => void): void {
    if (this.#ended !== undefined) listener(this.#ended);
    else this.#onClosed = listener;
  }

  async close(reason: string): Promise<void> {
    this.#channel.finish(reason);
    await this.#channel.child.stop(this.#options.graceMs);
  }

  #over(message: string): void {
    this.#ended = { reason: 'Exited', message };
    this.#onClosed?.(this.#ended);
  }

  #notified(message: ScannedMessage): void {
    switch (message.method) {
      // Says which subset of the subscription is honoured; the hub asked for nothing it cannot do without.
      case 'notifications/subscriptions/acknowledged':
      case 'notifications/cancelled':
        return;
      case 'notifications/message':
        this.#logged(message);
        return;
      default:
        this.#onNotification(message.method, message.params, message.raw);
    }
  }

  /** A log line names no request on stdio. Only a child of one caller's own says by that whose it is. */
  #logged(message: ScannedMessage): void {
    if (this.#options.purpose === 'primary') {
      this.#channel.dropped.notifications++;
      return;
    }
    const leg = this.#channel.onlyLeg();
    if (leg?.logLevel !== undefined) leg.notify(message.raw);
    else this.#onNotification(message.method, message.params, message.raw);
  }
}
