/**
 * Keeps the one child that everybody shares running: installs, starts, watches, starts again with growing pauses, says how it is.
 *
 * Same rules as in a hub (`upstream/machine.ts`): a child that served is waited for ten seconds, one that keeps ending is a CrashLoop and tried
 * seldom, one that hangs is replaced. It lists nothing: the hub in front does. What it never does: look into a call.
 */
import type { BridgePodSettings, Era, ServerConfig } from '@quaymaster/crds';

import { type Clock, type Logger, type Random, serverName } from '../base/index.ts';
import type { ChildRegistry } from '../bridge/index.ts';
import { type Caller, hubError, type LaneCall, type Outcome, type UpstreamState } from '../exchange/index.ts';
import {
  type Conversation,
  createStdioConnector,
  graceMs,
  HealthCheck,
  type Machine,
  type MachineEvent,
  newMachine,
  RetryTimer,
  Settling,
  startFailure,
  type StdioTarget,
  transition,
  WaitingCalls,
} from '../upstream/index.ts';
import { childHealth } from './limits.ts';

export interface ChildKeeperDeps {
  readonly settings: BridgePodSettings;
  /** The same as a view of a hub's configuration. */
  readonly config: ServerConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly children: ChildRegistry;
  /** How the bridge names itself to the child: as a hub would. */
  readonly hubInfo: { readonly name: string; readonly version: string };
  /** Every line the child writes to stderr. */
  readonly stderr: (line: string) => void;
  readonly target: (progress: (line: string) => void, signal: AbortSignal) => Promise<StdioTarget>;
  /** A conversation stands. Called before its first message is handed on. */
  readonly onUp: (conversation: Conversation) => void;
  /** The child is gone; its calls have been answered. */
  readonly onDown: () => void;
  readonly onState: (state: UpstreamState) => void;
}

type Resend = (call: LaneCall) => Promise<Outcome> | undefined;

export class ChildKeeper {
  readonly #deps: ChildKeeperDeps;
  readonly #waiting: WaitingCalls;
  readonly #retry: RetryTimer;
  readonly #resent = new WeakSet<LaneCall>();
  readonly #settling: Settling;
  #machine: Machine;
  #conversation: Conversation | undefined;
  #health: HealthCheck | undefined;
  #attempt: AbortController | undefined;
  /** The end of an old child, which the next start waits for. */
  #closing: Promise<void> | undefined;
  #target: StdioTarget | undefined;
  #era: Era | undefined;
  #asks = false;

  constructor(deps: ChildKeeperDeps) {
    this.#deps = deps;
    this.#machine = newMachine(deps.clock.now());
    this.#settling = new Settling(deps.clock);
    this.#waiting = new WaitingCalls(deps.clock, deps.config.key);
    this.#retry = new RetryTimer(deps.clock, deps.random, () => void this.#bringUp());
  }

  get state(): UpstreamState {
    const { phase, reason, message, since, restarts, pid } = this.#machine;
    return { phase, reason, message, since, restarts, pid };
  }

  get conversation(): Conversation | undefined {
    return this.#conversation;
  }

  /** It has been seen asking its client. */
  get asks(): boolean {
    return this.#asks;
  }

  /** It served a moment ago and is on its way back: worth waiting for. */
  get isComingBack(): boolean {
    return this.#machine.phase === 'Starting' && this.#machine.everReady;
  }

  get inFlight(): number {
    return (this.#conversation?.inFlight ?? 0) + this.#waiting.size;
  }

  start(): void {
    this.#happened({ kind: 'start' });
  }

  /** A call that finds no child waits for one that comes back, or hears why there is none. */
  send(call: LaneCall, whenUp = (again: LaneCall) => this.send(again)): Promise<Outcome> {
    if (this.#conversation !== undefined) return this.#conversation.send(call);
    if (this.isComingBack) return this.#waiting.add(call, graceMs, whenUp);
    const { key } = this.#deps.config;
    return Promise.resolve(hubError('QM_SERVER_FAILED', { server: key, reason: this.#machine.message }));
  }

  /** Resolves when it is up, or has failed, or the time is over. */
  settled(timeoutMs: number): Promise<void> {
    return this.#machine.phase === 'Starting' ? this.#settling.wait(timeoutMs) : Promise.resolve();
  }

  /** A child of one caller's own, of the kind the last start found. Rejects with an Error whose message may be shown. */
  async openFor(caller: Caller, resend: Resend): Promise<Conversation> {
    if (this.#target === undefined) throw new Error('it has not been started');
    const connector = this.#connector(this.#target);
    const request = { purpose: 'client', caller, verdict: this.#era, resend } as const;
    return connector.connect(request, new AbortController().signal);
  }

  /** Something is odd: a look now instead of at the next check. */
  suspect(): void {
    this.#health?.now();
  }

  async stop(reason: string): Promise<void> {
    this.#retry.cancel();
    this.#attempt?.abort();
    this.#attempt = undefined;
    this.#happened({ kind: 'stopped' });
    this.#waiting.fail(reason);
    const conversation = this.#take();
    await Promise.all([conversation?.close(reason), this.#closing]);
  }

  async #bringUp(): Promise<void> {
    const attempt = new AbortController();
    this.#attempt = attempt;
    let conversation: Conversation | undefined;
    try {
      await this.#closing;
      conversation = await this.#open(attempt);
      if (this.#attempt !== attempt) throw new Error('given up');
      this.#attempt = undefined;
      this.#up(conversation);
    } catch (error) {
      await conversation?.close('the start failed');
      if (this.#attempt !== attempt) return;
      this.#attempt = undefined;
      this.#failed(error);
    }
  }

  async #open(attempt: AbortController): Promise<Conversation> {
    const progress = (message: string): void => {
      if (this.#attempt === attempt) this.#happened({ kind: 'progress', message });
    };
    const target = await this.#deps.target(progress, attempt.signal);
    progress('launching');
    this.#target = target;
    const request = {
      purpose: 'primary',
      caller: undefined,
      verdict: this.#era,
      resend: (call: LaneCall) => this.#resend(call),
      asked: () => {
        this.#asks = true;
      },
    } as const;
    return this.#connector(target).connect(request, attempt.signal);
  }

  #connector(target: StdioTarget) {
    const { config, clock, log, children, hubInfo, stderr } = this.#deps;
    return createStdioConnector(() => config, { clock, log, target, children, hubInfo, stderr });
  }

  #up(conversation: Conversation): void {
    const { clock, onUp } = this.#deps;
    this.#conversation = conversation;
    this.#era = conversation.era;
    this.#health = new HealthCheck({
      clock,
      conversation,
      settings: () => childHealth,
      onDead: (message) => this.#dead(conversation, message),
    });
    onUp(conversation);
    this.#happened({ kind: 'ready', message: `serves ${conversation.revision}`, pid: conversation.pid });
    conversation.onClosed((end) => this.#lost(conversation, end.reason, end.message));
    this.#waiting.release();
  }

  #failed(error: unknown): void {
    const { reason, message, retryable, foreseen } = startFailure(error);
    const { log, config } = this.#deps;
    if (!foreseen) log.error({ server: config.key, error: message }, 'starting the server met an unexpected error');
    if (reason === 'HandshakeFailed' || reason === 'UnsupportedProtocolVersion') this.#era = undefined;
    this.#happened({ kind: 'failed', reason, message, retryable });
  }

  #dead(conversation: Conversation, message: string): void {
    if (this.#conversation !== conversation) return;
    this.#closing = conversation.close(message);
    this.#lost(conversation, 'HealthCheckFailed', message);
  }

  #lost(conversation: Conversation, reason: string, message: string): void {
    if (this.#conversation !== conversation) return;
    // What is left of its process group is ended before the next one starts: it may hold a port or a file.
    this.#closing ??= conversation.close(message);
    this.#take();
    this.#deps.onDown();
    this.#happened({ kind: 'lost', reason, message });
    void this.#closing.finally(() => (this.#closing = undefined));
  }

  #take(): Conversation | undefined {
    const conversation = this.#conversation;
    this.#conversation = undefined;
    this.#health?.stop();
    this.#health = undefined;
    return conversation;
  }

  #resend(call: LaneCall): Promise<Outcome> | undefined {
    if (this.#resent.has(call)) return undefined;
    this.#resent.add(call);
    return this.send(call);
  }

  #happened(event: MachineEvent): void {
    const { clock, log, config, onState } = this.#deps;
    const before = this.#machine;
    const { machine, todo } = transition(before, event, { wall: clock.now(), steady: clock.monotonic() });
    this.#machine = machine;
    if (before.phase !== machine.phase || before.reason !== machine.reason) {
      const { phase, reason, message, restarts } = machine;
      const text = `server "${serverName(config.key)}" is ${phase}: ${message}`;
      log[phase === 'Degraded' ? 'warn' : 'info']({ server: config.key, phase, reason, restarts }, text);
    }
    if (machine !== before) onState(this.state);
    if (machine.phase === 'Degraded') this.#waiting.fail(machine.message);
    if (machine.phase !== 'Starting') this.#settling.settle();
    this.#retry.obey(todo);
  }
}
