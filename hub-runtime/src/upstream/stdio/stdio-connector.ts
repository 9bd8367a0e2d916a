/**
 * Opens conversations with a server that speaks on stdin and stdout: starts its child, finds its era, bounds the whole by `timeouts.start`.
 *
 * A child that dies while `server/discover` is unanswered is started once more and greeted with `initialize` only (rmcp-style servers end
 * on a first message they do not know). Whatever fails, no child is left behind and the error says what the server said last.
 */
import type { Era, ServerConfig } from '@quaymaster/crds';

import type { Clock, Logger } from '../../base/index.ts';
import { type Child, ChildError, type ChildRegistry, startChild } from '../../bridge/index.ts';
import type { ServerTarget } from '../../exchange/index.ts';
import { type RawJson, rawOf } from '../../wire/index.ts';
import { capsOf } from '../caps-of.ts';
import { ConnectError, type Connector, type ConnectRequest, type Conversation, declaredTo } from '../conversation.ts';
import { Envelopes } from '../envelopes.ts';
import { type HandshakeOrder, type Negotiated, shakeHands } from './handshake.ts';
import { StdioChannel } from './stdio-channel.ts';
import { StdioConversation } from './stdio-conversation.ts';

export type StdioTarget = Extract<ServerTarget, { kind: 'stdio' }>;

export interface StdioConnectorDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly target: StdioTarget;
  readonly children: ChildRegistry;
  readonly hubInfo: { readonly name: string; readonly version: string };
  /** Every line the server writes to stderr. */
  readonly stderr?: ((line: string) => void) | undefined;
  /** Silence on `server/discover` before `initialize` is tried as well, milliseconds. */
  readonly probeMs?: number | undefined;
  /** Calls in flight at once on one child. */
  readonly maxInFlight?: number | undefined;
  /** Between the end of stdin and SIGTERM, milliseconds. */
  readonly graceMs?: number | undefined;
}

const defaults = { probeMs: 1_500, maxInFlight: 16_384, graceMs: 1_000, lineBytes: 8 * 1024 * 1024 };
/** All calls of a child share one pipe: a line is held whole, or it would hold them up as long as its reader likes. */
const mostLineBytes = 64 * 1024 * 1024;
/** A child that never got to talk is not owed a long farewell. */
const failedGraceMs = 100;

/** `config` gives the settings of the moment: timeouts may be edited while a conversation lives. */
export function createStdioConnector(config: () => ServerConfig, deps: StdioConnectorDeps): Connector {
  return new StdioConnector(config, deps);
}

class StdioConnector implements Connector {
  readonly #config: () => ServerConfig;
  readonly #deps: StdioConnectorDeps;
  readonly #envelopes: Envelopes;

  constructor(config: () => ServerConfig, deps: StdioConnectorDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#envelopes = new Envelopes(rawOf(deps.hubInfo));
  }

  async connect(request: ConnectRequest, signal: AbortSignal): Promise<Conversation> {
    const deadline = this.#deps.clock.monotonic() + this.#config().timeouts.startMs;
    const order = orderOf(this.#config().protocol, request.verdict);
    try {
      return await this.#attempt(order, request, deadline, signal);
    } catch (error) {
      if (order !== 'modernFirst' || !(error instanceof DiedUnheard)) throw error;
      return this.#attempt('legacyOnly', request, deadline, signal);
    }
  }

  async #attempt(
    order: HandshakeOrder,
    request: ConnectRequest,
    deadline: number,
    signal: AbortSignal,
  ): Promise<Conversation> {
    const { clock, log } = this.#deps;
    const child = await this.#start();
    const channel = new StdioChannel({
      child,
      clock,
      log,
      server: this.#config().key,
      maxInFlight: this.#deps.maxInFlight ?? defaults.maxInFlight,
    });
    const declared = declaredTo(request, this.#config().instances.mode === 'shared');
    try {
      const negotiated = await this.#bounded(this.#shake(channel, order, declared), channel, deadline, signal);
      return this.#conversation(channel, negotiated, request);
    } catch (error) {
      channel.finish('the handshake failed');
      await child.stop(failedGraceMs);
      throw error;
    }
  }

  async #start(): Promise<Child> {
    const { target, clock, log, children, stderr } = this.#deps;
    const config = this.#config();
    const lineBytes = Math.min(config.limits?.responseBytes ?? defaults.lineBytes, mostLineBytes);
    try {
      const limits = { lineBytes };
      return await startChild(
        { ...target, caps: capsOf(config) },
        { clock, log, children, server: config.key, stderr, limits },
      );
    } catch (error) {
      if (error instanceof ChildError) throw new ConnectError(error.reason, error.message, error.retryable, error);
      throw error;
    }
  }

  async #shake(channel: StdioChannel<Child>, order: HandshakeOrder, declared: RawJson): Promise<Negotiated> {
    const { clock, hubInfo, probeMs = defaults.probeMs } = this.#deps;
    try {
      return await shakeHands(channel, { order, clock, hubInfo, declared, envelope: this.#envelopes.own, probeMs });
    } catch (error) {
      const exit = channel.child.exit;
      if (exit === undefined) throw error;
      const message = `the server ${exit.message}${noiseOf(channel.child)}`;
      throw channel.heard ? new ConnectError('Exited', message, true) : new DiedUnheard(message);
    }
  }

  #conversation(channel: StdioChannel<Child>, negotiated: Negotiated, request: ConnectRequest): Conversation {
    return new StdioConversation({
      channel,
      negotiated,
      request,
      envelopes: this.#envelopes,
      clock: this.#deps.clock,
      config: this.#config,
      graceMs: this.#deps.graceMs ?? defaults.graceMs,
    });
  }

  /** The start time is over, or the start is no longer wanted. */
  #bounded<T>(work: Promise<T>, channel: StdioChannel<Child>, deadline: number, signal: AbortSignal): Promise<T> {
    const { clock } = this.#deps;
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        cancel();
        signal.removeEventListener('abort', abort);
      };
      const abort = (): void => {
        stop();
        reject(new ConnectError('Stopped', `the start was called off${wordsOf(channel.child)}`, true));
      };
      const cancel = clock.after(Math.max(0, deadline - clock.monotonic()), () => {
        stop();
        reject(new ConnectError('StartTimeout', this.#silenceOf(channel.child), true));
      });
      work.then(resolve, reject).finally(stop);
      if (signal.aborted) abort();
      else signal.addEventListener('abort', abort, { once: true });
    });
  }

  #silenceOf(child: Child): string {
    return `the server did not complete the handshake within ${this.#config().timeouts.startMs} ms${wordsOf(child)}`;
  }
}

/** The child ended before it had answered anything: perhaps it cannot stand `server/discover`. */
class DiedUnheard extends ConnectError {
  constructor(message: string) {
    super('Exited', message, true);
  }
}

function orderOf(protocol: ServerConfig['protocol'], verdict: Era | undefined): HandshakeOrder {
  if (protocol === 'legacy') return 'legacyOnly';
  if (protocol === 'modern') return 'modernOnly';
  return verdict === 'legacy' ? 'legacyFirst' : 'modernFirst';
}

function wordsOf(child: Child): string {
  const words = child.stderrTail().at(-1);
  return `${words === undefined ? '' : `. Its last words: ${words.slice(0, 300)}`}${noiseOf(child)}`;
}

function noiseOf(child: Child): string {
  const { lines, first } = child.noise;
  if (lines === 0) return '';
  return `. It wrote ${lines} line${lines === 1 ? '' : 's'} to stdout that are no MCP messages, the first: ${first ?? ''}`;
}
