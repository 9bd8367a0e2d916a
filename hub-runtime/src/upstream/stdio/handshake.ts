/**
 * Finds out which era a child speaks and opens the conversation in it.
 *
 * Modern first (2026-07-28, versioning, stdio): `server/discover`; a result that serves our revision decides for modern, any error that is
 * not a modern one for legacy. Silence is not a verdict, only a reason to try `initialize` as well: a server that takes seconds to start
 * answers both, in order, and whichever answer decides first, wins. Servers that die on `server/discover` are the connector's business.
 * Requests here have no deadline of their own: the connector bounds the whole start.
 * Legacy first (an earlier verdict): `initialize`, and `server/discover` when that is refused, so an upgraded server is noticed.
 */
import type { Era } from '@quaymaster/crds';

import type { Clock } from '../../base/index.ts';
import type { ErrorOutcome, Outcome, ResultOutcome } from '../../exchange/index.ts';
import {
  emptyObject,
  latestLegacyRevision,
  legacyRevisions,
  memberRaw,
  metaKey,
  modernRevision,
  parseRaw,
  type RawJson,
  rawOf,
  requestRaw,
  rpcCode,
  scanObject,
  type ScannedObject,
} from '../../wire/index.ts';
import { ConnectError } from '../conversation.ts';
import type { StdioChannel } from './stdio-channel.ts';

export type HandshakeOrder = 'modernFirst' | 'legacyFirst' | 'modernOnly' | 'legacyOnly';

export interface HandshakeOptions {
  readonly order: HandshakeOrder;
  readonly clock: Clock;
  readonly hubInfo: { readonly name: string; readonly version: string };
  /** Capabilities for `initialize`. */
  readonly declared: RawJson;
  /** Members of the modern envelope, see `modernEnvelope`. */
  readonly envelope: string;
  /** How long silence on `server/discover` is waited for before `initialize` is tried too. */
  readonly probeMs: number;
}

export interface Negotiated {
  readonly era: Era;
  readonly revision: string;
  readonly serverInfo: RawJson | undefined;
  readonly instructions: RawJson | undefined;
  readonly capabilities: ScannedObject;
}

const noCapabilities: ScannedObject = { raw: emptyObject, start: 0, end: 2, members: [], meta: undefined };

/** `legacy`: what the answer says about the server when it is not modern. */
type Verdict = Negotiated | 'legacy' | ConnectError;

export async function shakeHands(channel: StdioChannel, options: HandshakeOptions): Promise<Negotiated> {
  const negotiated = await negotiate(channel, options);
  if (negotiated.era === 'legacy') channel.notify('{"jsonrpc":"2.0","method":"notifications/initialized"}' as RawJson);
  return negotiated;
}

async function negotiate(channel: StdioChannel, options: HandshakeOptions): Promise<Negotiated> {
  switch (options.order) {
    case 'legacyOnly':
      return orThrow(readInitialize(await initialize(channel, options)));
    case 'modernOnly': {
      const verdict = readDiscover(await discover(channel, options));
      if (verdict !== 'legacy') return orThrow(verdict);
      throw new ConnectError(
        'UnsupportedProtocolVersion',
        `the server does not speak ${modernRevision}; set spec.protocol to auto`,
        false,
      );
    }
    case 'legacyFirst': {
      const first = readInitialize(await initialize(channel, options));
      if (!(first instanceof ConnectError) || channel.end !== undefined) return orThrow(first);
      const second = readDiscover(await discover(channel, options));
      return orThrow(second === 'legacy' || second instanceof ConnectError ? first : second);
    }
    case 'modernFirst':
      return negotiateModernFirst(channel, options);
  }
}

async function negotiateModernFirst(channel: StdioChannel, options: HandshakeOptions): Promise<Negotiated> {
  const discovered = discover(channel, options).then(readDiscover);
  const early = await Promise.race([discovered, silence(options)]);
  if (early !== 'silent' && early !== 'legacy') return orThrow(early);
  const initialized = initialize(channel, options).then(readInitialize);
  if (early === 'legacy') return orThrow(await initialized);
  const first = await Promise.race([discovered, initialized]);
  // Only a conversation decides; a refusal of one waits for the other.
  if (first !== 'legacy' && !(first instanceof ConnectError)) return first;
  const [late, second] = await Promise.all([discovered, initialized]);
  return orThrow(late === 'legacy' || late instanceof ConnectError ? second : late);
}

function silence(options: HandshakeOptions): Promise<'silent'> {
  return new Promise((resolve) => options.clock.after(options.probeMs, () => resolve('silent')));
}

function discover(channel: StdioChannel, options: HandshakeOptions): Promise<Outcome> {
  const id = channel.nextId();
  const line = requestRaw(id, 'server/discover', `{"_meta":{${options.envelope}}}` as RawJson);
  return channel.request(id, 'server/discover', line, undefined, Infinity, Infinity);
}

function initialize(channel: StdioChannel, options: HandshakeOptions): Promise<Outcome> {
  const id = channel.nextId();
  // Never a modern version here: go-sdk servers go by the requested one and then refuse what it lacks.
  const { declared, hubInfo } = options;
  const params =
    `{"protocolVersion":"${latestLegacyRevision}","capabilities":${declared},"clientInfo":${rawOf(hubInfo)}}` as RawJson;
  return channel.request(id, 'initialize', requestRaw(id, 'initialize', params), undefined, Infinity, Infinity);
}

/** What the answer to `server/discover` says of the server. */
export function readDiscover(outcome: Outcome): Verdict {
  if (outcome.kind === 'error' && outcome.origin === 'server') {
    if (outcome.code !== rpcCode.unsupportedVersion) return 'legacy';
    return otherVersion(versionsIn(outcome.data, 'supported'));
  }
  if (outcome.kind === 'error') return failed(outcome, 'server/discover');
  if (outcome.kind !== 'result') return 'legacy';
  const { result } = outcome;
  const versions = versionsIn(memberRaw(result, 'supportedVersions'), undefined);
  if (versions === undefined) return 'legacy';
  if (!versions.includes(modernRevision)) return otherVersion(versions);
  return {
    era: 'modern',
    revision: modernRevision,
    serverInfo: memberRaw(result.meta, metaKey.serverInfo) ?? memberRaw(result, 'serverInfo'),
    instructions: memberRaw(result, 'instructions'),
    capabilities: capabilitiesOf(result),
  };
}

/** A server of modern kind without our revision: an old revision it also serves is reached by `initialize`. */
function otherVersion(versions: readonly string[] | undefined): Verdict {
  if (versions === undefined || versions.some((version) => (legacyRevisions as readonly string[]).includes(version)))
    return 'legacy';
  return unsupported(versions.join(', '));
}

function readInitialize(outcome: Outcome): Negotiated | ConnectError {
  if (outcome.kind === 'error') return failed(outcome, 'initialize');
  const { result } = outcome as ResultOutcome;
  const version = parseRaw(memberRaw(result, 'protocolVersion') ?? 'null');
  if (typeof version !== 'string')
    return new ConnectError('HandshakeFailed', 'the answer to initialize names no protocolVersion', true);
  if (!(legacyRevisions as readonly string[]).includes(version)) return unsupported(version);
  return {
    era: 'legacy',
    revision: version,
    serverInfo: memberRaw(result, 'serverInfo'),
    instructions: memberRaw(result, 'instructions'),
    capabilities: capabilitiesOf(result),
  };
}

function failed(outcome: ErrorOutcome, method: string): ConnectError {
  if (outcome.origin === 'server') {
    const message = `the server refused ${method}: ${outcome.code} ${outcome.message}`;
    return new ConnectError('HandshakeFailed', message, true);
  }
  return new ConnectError('HandshakeFailed', `${method}: ${outcome.message}`, true);
}

function unsupported(versions: string): ConnectError {
  const known = [modernRevision, ...legacyRevisions].join(', ');
  const message = `the server speaks protocol version ${versions.slice(0, 100)}, the hub speaks ${known}`;
  return new ConnectError('UnsupportedProtocolVersion', message, false);
}

function capabilitiesOf(result: ScannedObject): ScannedObject {
  return scanObject(memberRaw(result, 'capabilities') ?? emptyObject) ?? noCapabilities;
}

function versionsIn(raw: RawJson | undefined, member: string | undefined): readonly string[] | undefined {
  if (raw === undefined) return undefined;
  const list = member === undefined ? raw : memberRaw(scanObject(raw), member);
  const value: unknown = list === undefined ? undefined : parseRaw(list);
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : undefined;
}

function orThrow(verdict: Negotiated | ConnectError | 'legacy'): Negotiated {
  if (verdict instanceof ConnectError) throw verdict;
  if (verdict === 'legacy') throw new ConnectError('HandshakeFailed', 'the server speaks neither era', true);
  return verdict;
}
