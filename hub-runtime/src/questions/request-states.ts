/**
 * `requestState` as the hub gives it out: sealed, bound to the caller, the request, the server and a time (2026-07-28 MRTR; checklist 27).
 *
 * `server`: a modern server's own state inside, byte for byte; nothing is held, any replica goes on. `parked`: a call that waits at one replica.
 * `again`: nothing but the round itself; the request is sent as if it were new. What comes back is an attacker's until it has been opened.
 */
import { type ErrorOutcome, type Exchange, hubError } from '../exchange/index.ts';
import { memberString, parseRaw, quoted, type RawJson } from '../wire/index.ts';
import { canonicalDigest } from './canonical-digest.ts';

export interface StateSealer {
  seal(purpose: string, payload: unknown, ttlMs?: number): string;
  open(purpose: string, token: string, mostChars?: number): unknown;
}

export const stateLimits = {
  /** A server's own state, bytes. */
  serverState: 64 * 1024,
  /** A sealed one, characters. */
  sealed: 128 * 1024,
} as const;

const purpose = 'request-state';

interface Sealed {
  /** Kind, owner replica, principal digest, request digest, server key, round. */
  readonly k: 'server' | 'parked' | 'again';
  readonly o: string;
  readonly p: string;
  readonly d: string;
  readonly u: string;
  readonly n: number;
  /** Tokens asked for so far. */
  readonly t?: number;
  /** Id of a parked call, or a server's own state as it stood in its JSON. */
  readonly s: string;
}

export interface OpenedState {
  readonly kind: Sealed['k'];
  readonly owner: string;
  /** Server key. */
  readonly server: string;
  readonly round: number;
  /** Of the client's model, asked for so far. */
  readonly tokens: number;
  /** Of a parked call; '' otherwise. */
  readonly id: string;
  /** A server's own, raw. */
  readonly state: RawJson | undefined;
}

export interface RequestStatesOptions {
  readonly sealer: StateSealer;
  /** Names this replica. */
  readonly owner: string;
  readonly ttlMs: () => number;
}

export class RequestStates {
  readonly #options: RequestStatesOptions;

  constructor(options: RequestStatesOptions) {
    this.#options = options;
  }

  /** Raw: a JSON string. `of` says what it carries. */
  seal(
    exchange: Exchange,
    server: string,
    round: number,
    of: { readonly parked: string } | { readonly state?: RawJson; readonly tokens?: number },
  ): RawJson {
    const isParked = 'parked' in of;
    const sealed: Sealed = {
      k: isParked ? 'parked' : of.state === undefined ? 'again' : 'server',
      o: this.#options.owner,
      p: principalOf(exchange),
      d: canonicalDigest(exchange.method, exchange.params),
      u: server,
      n: round,
      ...(isParked || of.tokens === undefined || of.tokens === 0 ? {} : { t: of.tokens }),
      s: isParked ? of.parked : (of.state ?? ''),
    };
    return quoted(this.#options.sealer.seal(purpose, sealed, this.#options.ttlMs()));
  }

  /** What a client gave back with this request. */
  open(exchange: Exchange): OpenedState | ErrorOutcome {
    const token = memberString(exchange.params, 'requestState');
    const sealed = token === undefined ? undefined : unseal(this.#options.sealer, token);
    if (sealed?.p !== principalOf(exchange) || sealed.d !== canonicalDigest(exchange.method, exchange.params))
      return hubError('QM_STATE_INVALID');
    const { k: kind, o: owner, u: server, n: round, t: tokens = 0, s } = sealed;
    return {
      kind,
      owner,
      server,
      round,
      tokens,
      id: kind === 'parked' ? s : '',
      state: kind === 'server' ? (s as RawJson) : undefined,
    };
  }
}

/** The replica where the call of this state waits; undefined: any may go on, or it is none of ours. */
export function ownerOfState(sealer: StateSealer, requestState: RawJson): string | undefined {
  if (requestState.charCodeAt(0) !== 34) return undefined;
  const sealed = unseal(sealer, String(parseRaw(requestState)));
  return sealed?.k === 'parked' ? sealed.o : undefined;
}

function unseal(sealer: StateSealer, token: string): Sealed | undefined {
  return sealer.open(purpose, token, stateLimits.sealed) as Sealed | undefined;
}

/** Two hubs may share a key: a state is worth nothing at another one. */
function principalOf({ caller, graph }: Exchange): string {
  return `${graph.config.namespace}/${graph.config.name} ${caller.principal.id}`;
}
