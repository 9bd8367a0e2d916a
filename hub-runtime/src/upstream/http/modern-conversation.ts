/**
 * Conversation with a 2026-07-28 server: every request stands alone, goes to whichever replica is free, carries its envelope and mirrored
 * headers, and is cancelled by closing its answer. List changes come on one `subscriptions/listen`, opened only when the server says it announces any.
 *
 * A 400 that shows the server no longer speaks this era ends the conversation; the call goes back, for nothing was executed.
 */
import { serverName } from '../../base/index.ts';
import type { Caller, ErrorOutcome, LaneCall } from '../../exchange/index.ts';
import {
  emptyObject,
  encodeHeaderValue,
  encodeText,
  memberRaw,
  modernRevision,
  type ParamHeader,
  paramHeaderValues,
  parseRaw,
  type RawJson,
  requestRaw,
  rpcCode,
  type ScannedMessage,
} from '../../wire/index.ts';
import { errorOutcome, printable, protocolFault, rpcFailure } from '../answer.ts';
import { Envelopes } from '../envelopes.ts';
import { isHub } from '../is-hub.ts';
import { resourceFilter } from '../listen-filter.ts';
import { type ListenEvents, type OpenListen, ResourceListen } from '../resource-listen.ts';
import { callerHeader } from './bridge-headers.ts';
import { EventStream } from './event-stream.ts';
import { readDiscoverResult } from './handshake.ts';
import type { HttpCall } from './http-call.ts';
import type { CallHeaders, HttpConversationDeps } from './conversation-deps.ts';
import { type Handshake, HttpConversation } from './http-conversation.ts';
import { listenMs } from './limits.ts';
import { linesOf } from './lines-of.ts';
import type { Place } from './place.ts';

const method = 'subscriptions/listen';

export function modernHeaders(configured: readonly string[], userAgent: string): string[] {
  return [
    ...configured,
    'content-type',
    'application/json',
    'accept',
    'application/json, text/event-stream',
    'user-agent',
    userAgent,
    'mcp-protocol-version',
    modernRevision,
  ];
}

export class ModernConversation extends HttpConversation {
  readonly era = 'modern';
  readonly envelope: string;
  readonly #envelopes: Envelopes;
  readonly #headers: readonly string[];
  readonly #lines: string;
  readonly #listen: EventStream | undefined;
  readonly #resources: ResourceListen;
  #listenId = 0;
  #listensAt: Place;

  constructor(
    deps: HttpConversationDeps,
    place: Place,
    handshake: Handshake,
    { hubInfo, userAgent }: { readonly hubInfo: RawJson; readonly userAgent: string },
  ) {
    super(deps, handshake, 'modern');
    this.#listensAt = place;
    this.#envelopes = new Envelopes(hubInfo);
    this.envelope = this.#envelopes.own;
    this.#headers = modernHeaders(deps.endpoint.headers, userAgent);
    this.#lines = linesOf(this.#headers);
    const wanted = deps.request.purpose === 'primary' ? listenFilter(handshake) : undefined;
    if (wanted !== undefined) this.#listen = this.#openListen(wanted);
    this.#resources = new ResourceListen(
      {
        clock: deps.clock,
        server: serverName(this.from.key),
        open: (uris, on) => this.#listenToResources(uris, on),
      },
      (message) => this.unsolicited(message),
      (uris) => {
        for (const uri of uris) this.resourceUpdated(uri);
      },
    );
  }

  /** Resolves when the server listens to us listening, so that nothing changes unseen after the first list. */
  async opened(): Promise<void> {
    this.#listen?.start();
    await this.#listen?.settled(listenMs);
  }

  protected override envelopeFor(caller: Caller): string {
    return this.#envelopes.of(caller);
  }

  /** Behind a bridge a caller stays with one replica: the child there may hold what it said before. */
  protected override placeFor({ exchange }: LaneCall): Place | undefined {
    const { callers, places } = this.deps;
    return callers === undefined ? places.pick() : places.pickFor(callers.of(exchange.caller).hash);
  }

  protected override headersFor(call: HttpCall): CallHeaders {
    const { exchange, target } = call.lane;
    const lines = this.#lines;
    const headers = ['mcp-method', headerMethod(exchange.method)];
    const { callers } = this.deps;
    if (callers !== undefined) headers.push(callerHeader, callers.of(exchange.caller).text);
    if (target === undefined) return { lines, headers };
    headers.push('mcp-name', encodeHeaderValue(target));
    const { paramHeaders } = call.lane;
    if (paramHeaders !== undefined)
      for (const [name, value] of paramHeaderValues(paramHeaders, memberRaw(exchange.params, 'arguments')))
        headers.push(name, value);
    if (exchange.paramHeaders !== undefined) forwardUndeclared(headers, exchange.paramHeaders, paramHeaders);
    return { lines, headers };
  }

  ownPlace(): Place | undefined {
    return this.deps.places.pick();
  }

  ownHeaders(own: string): string[] {
    return [...this.#headers, 'mcp-method', own];
  }

  doubt(place: Place): void {
    this.turnFrom(place);
  }

  notify(name: string, params: RawJson): void {
    const place = this.ownPlace();
    if (place !== undefined) void this.tell(place, name, params, this.ownHeaders(headerMethod(name)));
  }

  protected override withdraw(call: HttpCall, reason: string): void {
    call.abort(reason);
  }

  protected override refused(call: HttpCall, message: ScannedMessage | undefined): void {
    const error = message?.error;
    const failure = error === undefined ? undefined : rpcFailure(error);
    if (call.status === 401 || call.status === 403 || error === undefined || failure === undefined) {
      this.settle(call, this.statusOutcome(call.status));
      return;
    }
    if (call.status === 400 && speaksOtherEra(failure.code)) {
      this.over('HandshakeFailed', `it no longer speaks ${modernRevision}: ${printable(failure.message)}`);
      this.sendAgain(call, protocolFault(this.from.key, printable(failure.message)));
      return;
    }
    this.settle(call, errorOutcome(error, this.from));
  }

  settling(): undefined {
    return undefined;
  }

  recover(): undefined {
    return undefined;
  }

  /** Another replica may run another release: what it offers is read again. */
  protected override placesChanged(): void {
    if (this.#listen !== undefined && this.#listensAt.state !== 'ready') this.#listen.move();
    else this.missedChanges();
  }

  protected override serverAsks(): void {
    // Modern servers have no requests of their own; there is nobody to answer.
  }

  protected override async ended(): Promise<void> {
    this.#listen?.stop();
    this.#resources.stop();
  }

  async refresh(timeoutMs: number): Promise<void> {
    if (!isHub(this.capabilities)) return;
    const outcome = await this.request('server/discover', emptyObject, timeoutMs);
    if (outcome.kind !== 'result') return;
    const said = readDiscoverResult(outcome.result);
    if (said.verdict === 'modern') this.handshake = said.handshake;
  }

  watchResource(uri: string): Promise<ErrorOutcome | undefined> {
    return this.#resources.watch(uri);
  }

  unwatchResource(uri: string): void {
    this.#resources.unwatch(uri);
  }

  /** A listen request of its own: adding a resource must not disturb the lists. */
  #listenToResources(uris: readonly string[], on: ListenEvents): OpenListen {
    const { places, endpoint, clock, random } = this.deps;
    let place = places.pick() ?? this.#listensAt;
    let id = '';
    const stream = new EventStream({
      path: endpoint.path,
      clock,
      random,
      attempt: () => {
        place = places.pick() ?? place;
        id = `watch-${++this.#listenId}`;
        const params = `{"notifications":${resourceFilter(uris)},"_meta":{${this.envelope}}}` as RawJson;
        const body = requestRaw(id, method, params);
        return { pool: place.streams, method: 'POST', headers: this.ownHeaders(method), body };
      },
      onMessage: (message) => on.message(message),
      onOpen: (again) => on.opened(id, again),
      onRefused: (status) => {
        const retry = status >= 500 || status === 429;
        if (!retry) on.refused();
        return retry;
      },
      onUnreachable: () => !this.isOver,
    });
    stream.start();
    return { close: () => stream.stop() };
  }

  #openListen(wanted: RawJson): EventStream {
    const { places, endpoint, clock, random } = this.deps;
    return new EventStream({
      path: endpoint.path,
      clock,
      random,
      attempt: () => {
        const params = `{"notifications":${wanted},"_meta":{${this.envelope}}}` as RawJson;
        const id = `listen-${++this.#listenId}`;
        this.#listensAt = places.pick() ?? this.#listensAt;
        const { streams: pool } = this.#listensAt;
        return { pool, method: 'POST', headers: this.ownHeaders(method), body: requestRaw(id, method, params) };
      },
      onMessage: (message) => {
        if (message.kind === 'notification' && message.method !== 'notifications/subscriptions/acknowledged')
          this.unsolicited(message);
      },
      onOpen: (again) => {
        if (again) this.missedChanges();
      },
      onRefused: (status) => {
        this.deps.log.debug({ server: this.from.key, status }, 'the server opens no listen stream');
        return status >= 500 || status === 429;
      },
      onUnreachable: (reason) => {
        if (this.turnFrom(this.#listensAt)) return true;
        this.unreachable(reason);
        return false;
      },
    });
  }
}

/** Codes by which a server refuses the envelope itself; a modern server never sends -32000..-32019 (protocol 1.2). */
export function speaksOtherEra(code: number): boolean {
  return code === rpcCode.unsupportedVersion || (code <= -32_000 && code >= -32_019);
}

/** The lists the server announces changes of, as the filter of a listen request. */
function listenFilter(handshake: Handshake): RawJson | undefined {
  const parts: string[] = [];
  for (const kind of ['tools', 'prompts', 'resources'] as const) {
    const declared = memberRaw(handshake.capabilities, kind);
    if (declared === undefined) continue;
    const value = parseRaw(declared);
    if (typeof value === 'object' && value !== null && 'listChanged' in value && value.listChanged === true)
      parts.push(`"${kind}ListChanged":true`);
  }
  return parts.length === 0 ? undefined : (`{${parts.join(',')}}` as RawJson);
}

/** Mirrored headers nobody declared here may mean something to the server: they pass as they came (protocol 5.2). */
function forwardUndeclared(
  headers: string[],
  given: Readonly<Record<string, string>>,
  declared: readonly ParamHeader[] | undefined,
): void {
  for (const [name, value] of Object.entries(given)) {
    if (!name.startsWith('mcp-param-') || declared?.some((one) => one.header === name) === true) continue;
    headers.push(name, value);
  }
}

function headerMethod(name: string): string {
  return encodeHeaderValue(encodeText(name));
}
