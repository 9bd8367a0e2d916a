/** One hub: its frames, the streams of its replicas (one per Pod), and orders to drain that outlive a broken stream. */
import { controlClose } from '@quaymaster/crds';
import type { Clock } from 'quaymaster/base';

import type { HubPublication, HubReplica } from './control-types.ts';
import { type HubFrames, nextFrames } from './hub-frames.ts';
import type { HubStream } from './hub-stream.ts';

export interface HubGroup {
  readonly size: number;
  readonly isEmpty: boolean;
  frames(): HubFrames | undefined;
  publish(state: HubPublication): void;
  /** A second stream of a Pod takes over from the first. */
  join(stream: HubStream): void;
  leave(stream: HubStream): void;
  has(podUid: string): boolean;
  drain(podUid: string, graceMs: number): void;
  drainUntil(podUid: string): number | undefined;
  replicas(): readonly HubReplica[];
  streams(): Iterable<HubStream>;
  /** Gives up bytes that no replica waits for, and orders whose time is over. */
  tidy(now: number): void;
}

export function createHubGroup(clock: Clock, maxDrains: number): HubGroup {
  const streams = new Map<string, HubStream>();
  const drains = new Map<string, number>();
  let frames: HubFrames | undefined;
  return {
    get size() {
      return streams.size;
    },
    get isEmpty() {
      return streams.size === 0 && drains.size === 0 && frames === undefined;
    },
    frames: () => frames,
    publish(state) {
      const settled = [...streams.values()].every((stream) => stream.isSettled());
      frames = nextFrames(frames, state, { now: clock.monotonic(), settled });
      for (const stream of streams.values()) stream.wake();
    },
    join(stream) {
      const before = streams.get(stream.pod.uid);
      streams.set(stream.pod.uid, stream);
      before?.end(controlClose.replaced, 'another stream of this Pod took over', 'replaced');
      stream.wake();
    },
    leave(stream) {
      if (streams.get(stream.pod.uid) === stream) streams.delete(stream.pod.uid);
    },
    has: (podUid) => streams.has(podUid),
    drain(podUid, graceMs) {
      drains.set(podUid, clock.monotonic() + graceMs);
      for (const oldest of drains.keys()) {
        if (drains.size <= maxDrains) break;
        drains.delete(oldest);
      }
      streams.get(podUid)?.wake();
    },
    drainUntil: (podUid) => drains.get(podUid),
    replicas: () =>
      [...streams.values()]
        .map((stream) => stream.replica())
        .toSorted((a, b) => (a.pod.name < b.pod.name ? -1 : a.pod.name > b.pod.name ? 1 : 0)),
    streams: () => streams.values(),
    tidy(now) {
      for (const [uid, until] of drains) if (until <= now) drains.delete(uid);
      if (frames === undefined) return;
      for (const frame of [frames.config, frames.credentials, frames.transition, frames.endpoints, frames.peers]) {
        if (frame === undefined) continue;
        if (![...streams.values()].some((stream) => stream.needs(frame))) frame.release();
      }
    },
  };
}
