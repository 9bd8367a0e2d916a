/**
 * Opens a conversation over HTTP+SSE (2024-11-05): stream, handshake, and what ties it to a place.
 *
 * Only `initialize` is tried: 2026-07-28 has no such transport. Which revision is spoken over it is the server's business (SDK servers of 2025
 * speak theirs). The conversation ends with its stream; a new one is opened by whoever wants one, as with a process that ended.
 */
import type { ServerConfig } from '@quaymaster/crds';

import type { Clock, Logger } from '../../base/index.ts';
import { rawOf } from '../../wire/index.ts';
import { ConnectError, type Conversation, declaredTo, givenUp } from '../conversation.ts';
import { Envelopes } from '../envelopes.ts';
import { shakeHands, StdioChannel, StdioConversation } from '../stdio/index.ts';
import type { Endpoint } from './endpoint.ts';
import type { Opening } from './handshaking.ts';
import { httpLimits } from './limits.ts';
import type { Place } from './place.ts';
import { openSsePipe, type SsePipe } from './sse-pipe.ts';
import { NotOffered } from './sse-stream.ts';
import { leaveWithPlace, remoteAt } from './tied-to-place.ts';

export interface OldTransportDeps {
  readonly endpoint: Endpoint;
  /** Of every request: the server's own. */
  readonly headers: readonly string[];
  readonly config: () => ServerConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly hubInfo: { readonly name: string; readonly version: string };
  readonly userAgent: string;
  /** How long the first event may take, milliseconds. */
  readonly probeMs: number;
}

export async function openOldTransport(
  deps: OldTransportDeps,
  place: Place,
  { request, places, release }: Opening,
  signal: AbortSignal,
): Promise<Conversation> {
  const { config, clock, log, hubInfo } = deps;
  if (config().protocol === 'modern')
    throw new ConnectError('HandshakeFailed', 'HTTP+SSE carries no 2026-07-28, but spec.protocol says modern', false);
  const pipe = await openPipe(deps, place, signal);
  const channel = new StdioChannel({ child: pipe, clock, log, server: config().key, maxInFlight: httpLimits.inFlight });
  pipe.onUndelivered = (id, outcome) => channel.undelivered(id, outcome);
  const envelopes = new Envelopes(rawOf(hubInfo));
  const abort = (): void => void pipe.stop();
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  try {
    const declared = declaredTo(request, config().instances.mode === 'shared');
    const shake = { order: 'legacyOnly', clock, hubInfo, declared, envelope: envelopes.own, probeMs: 0 } as const;
    const negotiated = await shakeHands(channel, shake);
    if (signal.aborted) throw givenUp();
    const conversation = new StdioConversation({
      channel,
      negotiated,
      request,
      envelopes,
      clock,
      config,
      graceMs: 0,
      transport: 'sse',
      remote: remoteAt(place, () => pipe.stop()),
    });
    pipe.onUndelivered = (id, outcome, isUnsent) => conversation.undelivered(id, outcome, isUnsent);
    if (request.purpose === 'primary') pipe.onExit(leaveWithPlace(conversation, place, places));
    // Not before: an attempt that failed here may go on elsewhere.
    pipe.onExit(release);
    return conversation;
  } catch (error) {
    const { failure } = pipe;
    await pipe.stop();
    throw failure !== undefined && !signal.aborted ? failure : error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

async function openPipe(
  { endpoint, headers, userAgent, clock, config, probeMs }: OldTransportDeps,
  place: Place,
  signal: AbortSignal,
): Promise<SsePipe> {
  const late = new AbortController();
  const stopClock = clock.after(probeMs, () => late.abort());
  try {
    return await openSsePipe(
      {
        origin: endpoint.origin,
        path: endpoint.path,
        headers: [...headers, 'user-agent', userAgent],
        place,
        clock,
        maxBytes: config().limits?.responseBytes ?? httpLimits.responseBytes,
        server: config().key,
      },
      AbortSignal.any([signal, late.signal]),
    );
  } catch (error) {
    if (!late.signal.aborted || signal.aborted) throw error;
    throw new NotOffered(
      'TransportUnsupported',
      'its event stream names no endpoint, so it does not speak HTTP+SSE',
      true,
    );
  } finally {
    stopClock();
  }
}
