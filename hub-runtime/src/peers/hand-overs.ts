/**
 * What clients have not read yet of sessions that went to another replica, on its way there. Sent once; bounded in memory, and what is dropped
 * or does not arrive is counted.
 */
import type { Observer } from '../observe/index.ts';
import type { LegacySession } from '../session/index.ts';
import type { Peer } from './peer-list.ts';
import type { StreamsOfSession } from './peer-messages.ts';

/** Characters on their way at once. */
const mostChars = 16 * 1024 * 1024;

export class HandOvers {
  readonly #observer: Observer;
  readonly #send: (peer: Peer, message: StreamsOfSession) => Promise<void>;
  readonly #underWay = new Set<Promise<void>>();
  #chars = 0;

  constructor(observer: Observer, send: (peer: Peer, message: StreamsOfSession) => Promise<void>) {
    this.#observer = observer;
    this.#send = send;
  }

  begin(to: Peer, session: LegacySession, hub: string): void {
    const streams = session.copyStreams(false);
    if (streams.length === 0) return;
    const chars = streams.reduce((sum, { kept }) => kept.reduce((size, [, one]) => size + one.length, sum), 0);
    if (this.#chars + chars > mostChars) {
      this.#observer.count('peerDrops', 'streams');
      return;
    }
    this.#chars += chars;
    const sent = this.#send(to, { id: session.id, hub, streams })
      .catch(() => this.#observer.count('peerDrops', 'streams'))
      .then(() => {
        this.#chars -= chars;
        this.#underWay.delete(sent);
      });
    this.#underWay.add(sent);
  }

  /** Resolves when all that are under way now have arrived or failed. */
  async told(): Promise<void> {
    await Promise.all(this.#underWay);
  }
}
