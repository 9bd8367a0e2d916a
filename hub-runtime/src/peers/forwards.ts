/**
 * Clients' requests that wait for an answer of another replica: bounded in number, and given up when the machine that owes the answer is lost.
 *
 * A machine that is lost closes no connection, and a call may take as long as its server does: so whoever owes an answer is asked now and then
 * whether it is there at all.
 */
import type { Observer } from '../observe/index.ts';
import type { Forwarding, ForwardRequest, ForwardSink } from '../session/index.ts';
import { Forward, type ForwardDeps } from './forward.ts';
import type { Peer } from './peer-list.ts';

export interface ForwardsDeps extends ForwardDeps {
  readonly observer: Observer;
  /** At once, to all replicas together. */
  readonly most: number;
  /** Rejects when it does not answer. */
  look(peer: Peer): Promise<void>;
}

export class Forwards {
  readonly #deps: ForwardsDeps;
  /** By replica. */
  readonly #waiting = new Map<string, { readonly peer: Peer; count: number }>();
  #count = 0;

  constructor(deps: ForwardsDeps) {
    this.#deps = deps;
  }

  begin(id: string, request: ForwardRequest, sink: ForwardSink): Forwarding {
    const { list, observer, most } = this.#deps;
    const peer = list.get(id);
    if (peer === undefined || this.#count >= most) {
      if (peer !== undefined) observer.count('limitRejections', 'peerForwards');
      sink.end(peer === undefined ? 'refused' : 'busy');
      return { resume: () => {}, cancel: () => {} };
    }
    this.#count++;
    const waiting = this.#waiting.get(id) ?? { peer, count: 0 };
    waiting.count++;
    this.#waiting.set(id, waiting);
    return new Forward(this.#deps, peer, request, sink, () => {
      this.#count--;
      if (--waiting.count === 0 && this.#waiting.get(id) === waiting) this.#waiting.delete(id);
    });
  }

  /** Replicas that owe answers, known ones and others. */
  debtors(): Peer[] {
    return [...this.#waiting.values()].map(({ peer }) => peer);
  }

  /** What waits for a replica that says nothing at all is given up. */
  look(): void {
    const { list, transport, look } = this.#deps;
    for (const [id, { peer }] of this.#waiting) {
      if (list.isGone(id)) transport.cut(peer.origin);
      else
        look(peer).catch(() => {
          // It is no replica any more, and not there: nobody will say more about it.
          if (list.get(id) === undefined) transport.cut(peer.origin);
        });
    }
  }
}
