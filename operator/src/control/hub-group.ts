/** One hub: its frames, and the streams of its replicas (one per Pod). */
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
  replicas(): readonly HubReplica[];
  streams(): Iterable<HubStream>;
  /** Gives up bytes that no replica waits for. */
  tidy(): void;
}

export function createHubGroup(clock: Clock): HubGroup {
  const streams = new Map<string, HubStream>();
  let frames: HubFrames | undefined;
  return {
    get size() {
      return streams.size;
    },
    get isEmpty() {
      return streams.size === 0 && frames === undefined;
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
    replicas: () =>
      [...streams.values()]
        .map((stream) => stream.replica())
        .toSorted((a, b) => (a.pod.name < b.pod.name ? -1 : a.pod.name > b.pod.name ? 1 : 0)),
    streams: () => streams.values(),
    tidy() {
      if (frames === undefined) return;
      for (const frame of [frames.config, frames.credentials, frames.transition, frames.endpoints, frames.peers]) {
        if (frame === undefined) continue;
        if (![...streams.values()].some((stream) => stream.needs(frame))) frame.release();
      }
    },
  };
}
