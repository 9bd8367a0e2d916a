/**
 * All children of the bridge behind one face: which one serves a caller, and what each of them says unasked.
 *
 * `shared`: everybody has the one. `perClient`: a caller that names itself gets a child of its own, made at its first call, ended when it
 * leaves or is idle (`upstream/client-lanes.ts`); the one without a name serves the hub's own lists and pings. Attribution ends here: what a
 * shared child says to nobody in particular (logs) goes to nobody.
 */
import type { BridgePodSettings } from '@quaymaster/crds';

import type { Clock } from '../base/index.ts';
import { anonymous, type Caller, type LaneCall, type LaneExchange, type Outcome } from '../exchange/index.ts';
import { ClientLanes, type Conversation, InteractiveLanes, plainKeyOf } from '../upstream/index.ts';
import { emptyObject, type RawJson, relayedCapabilities } from '../wire/index.ts';
import type { ChildKeeper } from './child-keeper.ts';
import { bridgeLimits } from './limits.ts';

/** Something a child said that answers no call. `caller` undefined: the shared child. */
export type Heard = (caller: string | undefined, method: string, message: RawJson) => void;

export interface ServedChildrenDeps {
  readonly settings: BridgePodSettings;
  readonly clock: Clock;
  readonly keeper: ChildKeeper;
  readonly heard: Heard;
  /** The child of one caller is gone: what it knew is lost. */
  readonly callerLost: (caller: string) => void;
}

/** `canAnswer`: its client can be asked. */
export interface Asker {
  readonly caller: string;
  readonly canAnswer: boolean;
}

type Call = Pick<LaneExchange, 'method' | 'params' | 'leg'>;

export class ServedChildren {
  readonly keeper: ChildKeeper;
  readonly #deps: ServedChildrenDeps;
  readonly #lanes: ClientLanes;
  readonly #interactive: InteractiveLanes;
  readonly #retired = new Set<Conversation>();

  constructor(deps: ServedChildrenDeps) {
    this.#deps = deps;
    this.keeper = deps.keeper;
    this.#lanes = new ClientLanes({
      clock: deps.clock,
      server: deps.settings.server,
      max: () => deps.settings.instances.max,
      open: (caller, resend) => this.#open(caller, resend),
      retired: (conversation) => this.#retire(conversation),
      ended: ({ principal }) => deps.callerLost(principal.id),
    });
    this.#interactive = new InteractiveLanes({
      clock: deps.clock,
      server: deps.settings.server,
      clients: this.#lanes,
      max: () => deps.settings.instances.max,
      waitMs: () => bridgeLimits.aloneMs,
      shared: (call) => this.keeper.send(call),
    });
  }

  get inFlight(): number {
    let retired = 0;
    for (const conversation of this.#retired) retired += conversation.inFlight;
    return this.keeper.inFlight + this.#lanes.inFlight + retired;
  }

  /**
   * The key under which a caller has a child of its own; undefined: it uses the shared one. A legacy child is told once what its client can do:
   * one that was told otherwise is another child.
   */
  ownerOf(caller: string | undefined, capabilities: RawJson = emptyObject): string | undefined {
    if (caller === undefined || this.#deps.settings.instances.mode !== 'perClient') return undefined;
    const declared = relayedCapabilities(capabilities);
    return declared === emptyObject ? caller : `${caller} ${declared}`;
  }

  /** `capabilities`: what the caller declared. `asker`: whose a call in a session of many is. */
  send(owner: string | undefined, call: Call, capabilities: RawJson, asker?: Asker): Promise<Outcome> {
    const caller = this.#callerOf(owner, capabilities);
    const lane: LaneCall = { exchange: { ...call, caller }, edits: [], target: undefined };
    if (owner !== undefined) return this.#sendFor(owner, lane);
    if (asker === undefined || !this.keeper.asks || this.keeper.conversation?.era !== 'legacy')
      return this.keeper.send(lane);
    const principal = { kind: 'anonymous', id: asker.caller } as const;
    const own = {
      ...caller,
      principal,
      session: undefined,
      capabilities: asker.canAnswer ? capabilities : emptyObject,
    };
    return this.#interactive.send(own, lane);
  }

  /** The shared child says what kind of program it is; while it is away, own ones cannot be started either. */
  #sendFor(owner: string, lane: LaneCall): Promise<Outcome> {
    if (this.keeper.conversation === undefined) return this.keeper.send(lane, (again) => this.#sendFor(owner, again));
    const caller = this.#callerOf(owner, lane.exchange.caller.capabilities);
    return this.#lanes.send(caller, lane, plainKeyOf(caller));
  }

  /** A notification of a caller, best effort. */
  notify(owner: string | undefined, method: string, params: RawJson): void {
    if (owner === undefined) this.keeper.conversation?.notify?.(method, params);
    else this.#lanes.notify(plainKeyOf(this.#callerOf(owner, emptyObject)), method, params);
  }

  /** Nobody uses this caller's child any more. */
  callerLeft(owner: string): void {
    this.#lanes.sessionEnded(owner);
  }

  async closeCallers(reason: string): Promise<void> {
    await Promise.all([this.#lanes.closeAll(reason), ...[...this.#retired].map((one) => one.close(reason))]);
  }

  /**
   * A legacy child of one's own speaks to the session, so what it logs goes there; a modern one logs to requests, and on a pipe only a call
   * that is alone can be meant (`upstream/stdio`). Eras are those of the child: conversion is the hub's.
   */
  #callerOf(owner: string | undefined, capabilities: RawJson): Caller {
    const conversation = this.keeper.conversation;
    const era = conversation?.era ?? 'legacy';
    const notify = (message: RawJson): void => this.#deps.heard(owner, 'notifications/message', message);
    return {
      era,
      revision: conversation?.revision ?? '',
      principal: owner === undefined ? anonymous : { kind: 'anonymous', id: owner },
      session: owner === undefined || era === 'modern' ? undefined : { id: owner, notify },
      capabilities,
      clientInfo: undefined,
    };
  }

  async #open(caller: Caller, resend: (call: LaneCall) => Promise<Outcome> | undefined): Promise<Conversation> {
    const owner = caller.principal.id;
    const conversation = await this.keeper.openFor(caller, resend);
    conversation.onNotification((method, _params, message) => this.#deps.heard(owner, method, message));
    return conversation;
  }

  #retire(conversation: Conversation): void {
    for (const one of this.#retired) if (one.inFlight === 0) this.#retired.delete(one);
    this.#retired.add(conversation);
  }
}
