/**
 * The stream of one replica, from its accepted hello to its end.
 *
 * Out: what the hub's frames say and this replica was not sent yet, one message at a time. The next is chosen when the socket has taken the
 * one before, so a reader that is slow gets the newest state, and holds one message at most, mostly shared with its siblings, for a bounded time.
 * In: acknowledgements and reports. Only the last of each is kept; a replica that says more than its budget is not read for a while.
 * It never decides who may be here; `admission` did, and the sweep asks again.
 */
import {
  controlClose,
  type HelloMessage,
  maxControlFrameBytes,
  readHubMessage,
  type ReportMessage,
} from '@quaymaster/crds';
import { type Clock, maskSecrets } from 'quaymaster/base';
import type { WebSocket } from 'ws';

import type { ControlMetrics } from './control-metrics.ts';
import type { HubReplica, PodIdentity } from './control-types.ts';
import type { Frame } from './frame.ts';
import { documentKey, type HubFrames } from './hub-frames.ts';
import type { ControlLimits } from './limits.ts';
import type { Rejection } from './rejections.ts';
import { reportDigest } from './report-digest.ts';
import { sendInPieces } from './send-in-pieces.ts';

export interface HubStream {
  readonly pod: PodIdentity;
  replica(): HubReplica;
  /** Sends what is due, if the socket can take it. */
  wake(): void;
  receive(data: Buffer, isBinary: boolean): void;
  /** Does this replica still wait for the bytes of this frame? */
  needs(frame: Frame): boolean;
  /** Has it the published document? */
  isSettled(): boolean;
  sweep(now: number): void;
  end(code: number, reason: string, why?: Rejection): void;
}

export interface HubStreamDeps {
  readonly socket: WebSocket;
  readonly hello: HelloMessage;
  readonly pod: PodIdentity;
  readonly clock: Clock;
  readonly metrics: ControlMetrics;
  readonly limits: ControlLimits;
  readonly frames: () => HubFrames | undefined;
  readonly mayTell: () => boolean;
  /** The stream ends itself for this reason. */
  readonly onEnd: (why: Rejection | undefined) => void;
  readonly onChange: (what: 'state' | 'load') => void;
  readonly onOversize: (frame: Frame) => void;
}

/** Longest word of a replica on why it refused a document. */
const maxRefusal = 512;

export function createHubStream(deps: HubStreamDeps): HubStream {
  const { socket, hello, pod, clock, metrics, limits } = deps;
  const joinedAt = clock.monotonic();
  const connectedSince = clock.now();
  /** By kind, the key of what this replica has or is on its way. */
  const sent = new Map<Frame['type'], string>();
  if (hello.running !== undefined) sent.set('config', documentKey(hello.running));
  if (hello.credentials !== undefined) sent.set('credentials', hello.credentials);
  let acknowledged = hello.running && { hash: hello.running.hash, generation: hello.running.generation };
  let refused: HubReplica['refused'];
  let report: ReportMessage | undefined;
  let digest = '';
  /** The document whose acknowledgement was measured: a replica that repeats itself spoils no histogram. */
  let measured: string | undefined;
  /** While a message is on its way to the socket. */
  let sendingSince: number | undefined;
  let hasEnded = false;
  let heardAt = joinedAt;
  let pingedAt = joinedAt;
  let isSuspect = false;
  let budget = { messages: limits.messagesPerSweep, bytes: limits.bytesPerSweep };

  const isSettled = (): boolean => {
    const frames = deps.frames();
    return frames !== undefined && acknowledged !== undefined && documentKey(acknowledged) === frames.config.key;
  };

  const due = (): Frame | undefined => {
    const frames = deps.frames();
    if (frames === undefined) return undefined;
    const credentials = isSettled() ? frames.credentials : (frames.transition ?? frames.credentials);
    return [credentials, frames.config, frames.endpoints, frames.peers].find(
      (frame) => sent.get(frame.type) !== frame.key,
    );
  };

  const end: HubStream['end'] = (code, reason, why) => {
    if (hasEnded) return;
    hasEnded = true;
    // Reads again, for the answer to the closing frame; what else comes is dropped. Without an answer the library cuts it off.
    socket.resume();
    socket.close(code, reason);
    deps.onEnd(why);
  };

  /** For those who would not read a closing frame. */
  const cutOff = (why: Rejection): void => {
    hasEnded = true;
    socket.terminate();
    deps.onEnd(why);
  };

  const wake = (): void => {
    if (sendingSince !== undefined || hasEnded) return;
    const frame = due();
    if (frame === undefined) return;
    if (!deps.mayTell()) return end(controlClose.notLeader, '', 'notLeader');
    const bytes = frame.bytes();
    sent.set(frame.type, frame.key);
    if (bytes.length > maxControlFrameBytes) {
      deps.onOversize(frame);
      return wake();
    }
    sendingSince = clock.monotonic();
    metrics.count('quaymaster_control_messages_total', { type: frame.type, direction: 'out' });
    metrics.count('quaymaster_control_bytes_total', { direction: 'out' }, bytes.length);
    sendInPieces(socket, bytes, () => {
      sendingSince = undefined;
      wake();
    });
  };

  const heard = (bytes: number): void => {
    heardAt = clock.monotonic();
    budget.messages -= 1;
    budget.bytes -= bytes;
    if (budget.messages < 0 || budget.bytes < 0) socket.pause();
  };

  const receive: HubStream['receive'] = (data, isBinary) => {
    if (hasEnded) return;
    heard(data.length);
    metrics.count('quaymaster_control_bytes_total', { direction: 'in' }, data.length);
    if (isBinary) return end(controlClose.protocolError, 'messages are text', 'malformed');
    const read = readHubMessage(data.toString('utf8'));
    metrics.count('quaymaster_control_messages_total', {
      type: read.kind === 'message' ? read.message.type : read.kind,
      direction: 'in',
    });
    if (read.kind === 'malformed') return end(controlClose.protocolError, read.reason, 'malformed');
    if (read.kind === 'ignored') return;
    const { message } = read;
    switch (message.type) {
      case 'hello':
        return end(controlClose.protocolError, 'hello was said already', 'malformed');
      case 'ack': {
        const { hash, generation } = message;
        if (message.ok) {
          acknowledged = { hash, generation };
          refused = undefined;
        } else refused = { hash, message: maskSecrets(message.message ?? '').slice(0, maxRefusal) };
        measure(hash, message.ok ? 'accepted' : 'refused');
        deps.onChange('state');
        // The values that only the former document needed.
        return wake();
      }
      case 'report': {
        report = message;
        const before = digest;
        digest = reportDigest(message);
        return deps.onChange(digest === before ? 'load' : 'state');
      }
    }
  };

  const measure = (hash: string, verdict: string): void => {
    const frames = deps.frames();
    if (frames === undefined || frames.document.hash !== hash || measured === frames.config.key) return;
    measured = frames.config.key;
    const since = Math.max(frames.publishedAt, joinedAt);
    metrics.observe('quaymaster_control_ack_seconds', { verdict }, (clock.monotonic() - since) / 1_000);
  };

  socket.on('ping', () => heard(0));
  socket.on('pong', () => heard(0));

  return {
    pod,
    replica: () => ({
      pod: { name: pod.name, uid: pod.uid, ip: hello.pod.ip },
      version: hello.version,
      connectedSince,
      ...(acknowledged === undefined ? {} : { acknowledged }),
      ...(refused === undefined ? {} : { refused }),
      ...(report === undefined ? {} : { report }),
    }),
    wake,
    receive,
    needs: (frame) => sendingSince !== undefined || due()?.key === frame.key,
    isSettled,
    sweep(now) {
      if (hasEnded) return;
      const isSilent = now - heardAt >= limits.silenceMs;
      if (isSilent && isSuspect) return cutOff('silent');
      if (sendingSince !== undefined && now - sendingSince >= limits.messageMs) return cutOff('slow');
      // When this process itself was held up, what was said meanwhile is read before the next sweep.
      isSuspect = isSilent;
      budget = { messages: limits.messagesPerSweep, bytes: limits.bytesPerSweep };
      if (socket.isPaused) socket.resume();
      if (now - pingedAt >= limits.pingMs) {
        pingedAt = now;
        socket.ping();
      }
    },
    end,
  };
}
