/**
 * Messages of this replica to others, each answered or given up within its time; every answer and every failure is also news of that replica.
 */
import type { Peer, PeerFailure, PeerList } from './peer-list.ts';
import {
  type CancelCall,
  type Claim,
  type ClaimReply,
  type Notes,
  peerPaths,
  readClaimReply,
  type StreamsOfSession,
} from './peer-messages.ts';
import { PeerFailed, type PeerTransport } from './peer-transport.ts';

export interface PeerCallsDeps {
  readonly list: PeerList;
  readonly transport: PeerTransport;
  /** Names this life of this replica: who was started again has forgotten everything. */
  readonly life: string;
  leaving(): boolean;
}

const claimMs = 1_000;
const noteMs = 2_000;

export class PeerCalls {
  readonly #deps: PeerCallsDeps;

  constructor(deps: PeerCallsDeps) {
    this.#deps = deps;
  }

  /** Who listens at the address of somebody nobody has named. Says nothing about replicas that are known. */
  who(stranger: Peer): Promise<unknown> {
    return this.#deps.transport.call(stranger, peerPaths.who, {}, claimMs);
  }

  async tell(id: string, notes: Notes): Promise<void> {
    const peer = this.#deps.list.get(id);
    if (peer !== undefined) await this.#call(peer, peerPaths.notes, { ...notes, life: this.#deps.life }, noteMs);
  }

  /** Those that knew this replica before learn that it has forgotten everything, or that it is about to end. */
  async greetAll(): Promise<void> {
    await Promise.allSettled([...this.#deps.list.all()].map(({ id }) => this.tell(id, this.#nothing())));
  }

  /** Is it there? Rejects when it does not answer. */
  async look(peer: Peer): Promise<void> {
    await this.#call(peer, peerPaths.notes, this.#nothing(), noteMs);
  }

  /** Asks for a session. Never rejects. */
  async ask(peer: Peer, claim: Claim): Promise<ClaimReply | PeerFailure> {
    try {
      return readClaimReply(await this.#call(peer, peerPaths.claim, claim, claimMs));
    } catch (error) {
      return error instanceof PeerFailed ? error.how : 'silent';
    }
  }

  async streams(peer: Peer, message: StreamsOfSession): Promise<void> {
    await this.#call(peer, peerPaths.streams, message, noteMs);
  }

  async cancel(peer: Peer, message: CancelCall): Promise<void> {
    await this.#call(peer, peerPaths.cancel, message, noteMs);
  }

  #nothing(): Notes {
    return { leaving: this.#deps.leaving(), ended: [], taken: [], mirrors: [] };
  }

  async #call(peer: Peer, path: string, message: unknown, timeoutMs: number): Promise<unknown> {
    const { transport, list } = this.#deps;
    try {
      const answer = await transport.call(peer, path, message, timeoutMs);
      list.heardOf(peer.id);
      return answer;
    } catch (error) {
      if (error instanceof PeerFailed) list.failed(peer.id, error.how);
      throw error;
    }
  }
}
