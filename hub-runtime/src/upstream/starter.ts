/**
 * How conversations with one server come to be: target resolved, transport picked, handshake bounded in time, era remembered.
 *
 * Runs at every start and restart, and for each client with a conversation of its own. It keeps what the next start can use (the connector,
 * the era that worked) and decides nothing about when to start.
 */
import type { Era, ServerConfig } from '@quaymaster/crds';

import { type Caller, type EndpointFeed, type LaneCall, type Outcome, TargetError } from '../exchange/index.ts';
import { watchArrivals } from './arrivals.ts';
import { connectorFor } from './connectors.ts';
import { ConnectError, type Connector, type ConnectRequest, type Conversation, givenUp } from './conversation.ts';
import { httpLimits } from './http/index.ts';
import { ListFailure } from './list-all.ts';
import { graceMs, replicaGraceMs } from './machine.ts';
import type { UpstreamDeps } from './upstream-deps.ts';

type Resend = (call: LaneCall) => Promise<Outcome> | undefined;

export interface StarterOptions {
  readonly config: () => ServerConfig;
  readonly deps: UpstreamDeps;
  /** Of the primary conversation. */
  readonly resend: Resend;
  readonly suspect: () => void;
  /** The server is there again, without a new conversation. */
  readonly renewed: () => void;
  /** The server asked its client something. */
  readonly asked: () => void;
  /** A replica is ready that was not. `first`: none was. */
  readonly arrived: (first: boolean) => void;
}

export class Starter {
  readonly #options: StarterOptions;
  #connector: Connector | undefined;
  #overHttp = false;
  #feed: EndpointFeed | undefined;
  #stopFollowing: (() => void) | undefined;
  #verdict: { readonly era: Era; readonly at: number } | undefined;

  constructor(options: StarterOptions) {
    this.#options = options;
  }

  /** The server is reached over HTTP. */
  get overHttp(): boolean {
    return this.#overHttp;
  }

  /** How long a server that was there a moment ago is expected back. */
  get patienceMs(): number {
    return this.#feed === undefined ? graceMs : replicaGraceMs;
  }

  /** More than one replica of it is ready. */
  get hasOthers(): boolean {
    const ready = this.#feed?.current?.filter(({ state }) => state === 'ready');
    return ready !== undefined && ready.length > 1;
  }

  /** How long one call waits for it. */
  get holdMs(): number {
    return this.#feed === undefined ? Math.min(graceMs, this.#options.config().timeouts.startMs) : replicaGraceMs;
  }

  /** A primary conversation. `progress` gets short lines for people. */
  async open(progress: (line: string) => void, signal: AbortSignal): Promise<Conversation> {
    const { config, deps, resend, suspect, renewed, asked } = this.#options;
    const target = await deps.targets.resolve(config(), progress, signal);
    if (signal.aborted) throw givenUp();
    this.#follow(target.kind === 'http' ? target.endpoints : undefined);
    progress(target.kind === 'stdio' ? 'launching' : 'connecting');
    const connector = connectorFor(target, config, deps);
    this.#connector = connector;
    this.#overHttp = target.kind === 'http';
    const request: ConnectRequest = {
      purpose: 'primary',
      caller: undefined,
      verdict: this.#remembered(),
      resend,
      suspect,
      renewed,
      asked,
    };
    const conversation = await this.#bounded(connector, request, signal);
    this.#verdict = { era: conversation.era, at: deps.clock.monotonic() };
    return conversation;
  }

  /** A conversation for one client, with the server as the last start found it. */
  async openFor(caller: Caller, resend: Resend, signal: AbortSignal): Promise<Conversation> {
    const connector = this.#connector;
    if (connector === undefined) throw new ConnectError('StartFailed', 'it has not been started', true);
    const { asked } = this.#options;
    return this.#bounded(connector, { purpose: 'client', caller, verdict: this.#remembered(), resend, asked }, signal);
  }

  /** There will be no other start. */
  stop(): void {
    this.#stopFollowing?.();
    this.#stopFollowing = undefined;
  }

  /** The era that worked did not work any more: the next start asks anew. */
  forgetEra(): void {
    this.#verdict = undefined;
  }

  /** A legacy verdict expires, since servers get upgraded behind the same URL: true when it has and the server speaks 2026-07-28 by now. */
  async isUpgraded(signal: AbortSignal): Promise<boolean> {
    const { config, deps } = this.#options;
    const verdict = this.#verdict;
    const connector = this.#connector;
    if (verdict?.era !== 'legacy' || connector?.upgraded === undefined || config().protocol !== 'auto') return false;
    const now = deps.clock.monotonic();
    if (now - verdict.at < httpLimits.legacyVerdictMs) return false;
    this.#verdict = { era: 'legacy', at: now };
    const upgraded = await connector.upgraded(signal).catch(() => false);
    if (upgraded) this.#verdict = undefined;
    return upgraded;
  }

  /** The time starts with the launch: installing a package is not the server's doing. */
  async #bounded(connector: Connector, request: ConnectRequest, signal: AbortSignal): Promise<Conversation> {
    const { config, deps } = this.#options;
    const { startMs } = config().timeouts;
    const timeout = new AbortController();
    const stopClock = deps.clock.after(startMs, () => timeout.abort());
    try {
      return await connector.connect(request, AbortSignal.any([signal, timeout.signal]));
    } catch (error) {
      if (!timeout.signal.aborted || signal.aborted) throw error;
      const message = `no MCP handshake within ${startMs} ms (${messageOf(error)})`;
      throw new ConnectError('HandshakeFailed', message, true, error);
    } finally {
      stopClock();
    }
  }

  #follow(feed: EndpointFeed | undefined): void {
    if (feed === this.#feed) return;
    this.stop();
    this.#feed = feed;
    if (feed !== undefined) this.#stopFollowing = watchArrivals(feed, this.#options.arrived);
  }

  #remembered(): Era | undefined {
    const verdict = this.#verdict;
    if (verdict === undefined) return undefined;
    const age = this.#options.deps.clock.monotonic() - verdict.at;
    return verdict.era === 'legacy' && age >= httpLimits.legacyVerdictMs ? undefined : verdict.era;
  }
}

export interface StartFailure {
  readonly reason: string;
  readonly message: string;
  readonly retryable: boolean;
  /** False: an error nobody foresaw, worth a line in the log of its own. */
  readonly foreseen: boolean;
}

/** What a failed start means, from whatever was thrown. */
export function startFailure(error: unknown): StartFailure {
  const message = messageOf(error);
  if (error instanceof ConnectError || error instanceof TargetError)
    return { reason: error.reason, message, retryable: error.retryable, foreseen: true };
  if (error instanceof ListFailure) return { reason: 'HandshakeFailed', message, retryable: true, foreseen: true };
  return { reason: 'StartFailed', message, retryable: true, foreseen: false };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'an unexpected error';
}
