/**
 * One client of HTTP+SSE (2024-11-05): its stream, its address to post to, and the session on it.
 *
 * The address is sealed: it names hub, connection and replica, so a POST that comes to another replica finds its way, and nobody can make one
 * up. The answer to `initialize` carries what was agreed on, sealed, as the id of its event: a client whose stream broke (or whose replica
 * ended) shows it as Last-Event-ID and goes on without a new `initialize`, here or elsewhere. What was in flight then is lost.
 * A reader that does not keep up is cut, as on every event stream.
 */
import { anonymous } from '../../exchange/index.ts';
import type { NewSession } from '../../session/index.ts';
import { emptyObject, legacyRevisions, type RawJson, trimOws } from '../../wire/index.ts';
import type { AttachedClient } from '../attached.ts';
import type { Head } from './answer-headers.ts';
import type { EdgeResponse } from './edge-messages.ts';
import { EventStream } from './event-stream.ts';
import type { HubEdge } from '../hub-edge.ts';
import { allListChanges } from '../list-changes.ts';
import { PipeClient, type PipeOut } from '../pipe/index.ts';

const addressPurpose = 'old-address';
const agreementPurpose = 'old-agreement';
/** Clients with more to declare begin anew after a break. */
const longestCapabilities = 2_048;
const mostTokenChars = 4_096;
/** As long as a session id is worth something. */
const agreementMs = 24 * 3_600_000;
/** Before a client whose stream ended opens the next, milliseconds. */
const retryMs = 1_000;

interface Address {
  /** Hub. */
  readonly h: string;
  /** Connection. */
  readonly i: string;
  /** Replica. */
  readonly o: string;
}

interface Agreement {
  readonly h: string;
  readonly p: string;
  readonly r: string;
  readonly c: string;
}

export class OldClient implements AttachedClient, PipeOut {
  readonly transport = 'sse';
  /** What its address ends in. */
  readonly token: string;
  readonly client: PipeClient;
  readonly #edge: HubEdge;
  readonly #stream: EventStream;
  #open = true;

  /** `path`: to post to, without query. `resumed`: what was agreed on before. */
  constructor(edge: HubEdge, response: EdgeResponse, cors: Head, path: string, resumed: NewSession | undefined) {
    const { sealer, randomBytes, peers } = edge.deps;
    this.#edge = edge;
    const address: Address = { h: edge.key, i: randomBytes(16).toString('hex'), o: peers?.self ?? 'alone' };
    this.token = sealer.seal(addressPurpose, address);
    this.client = new PipeClient(edge, {
      out: this,
      modern: false,
      opened: ({ caller: { revision, capabilities } }, answer) => {
        const id = capabilities.length > longestCapabilities ? undefined : this.#agreement(revision, capabilities);
        if (id === undefined) this.#stream.send(answer);
        else this.#stream.write(answer, id);
      },
    });
    edge.streams++;
    edge.attached.add(this);
    edge.oldClients.set(this.token, this);
    this.#stream = new EventStream(edge, response, cors);
    response.watcher = this;
    const known = resumed === undefined ? '' : `id: ${this.#agreement(resumed.revision, resumed.capabilities)}\n`;
    this.#stream.begin(`retry: ${retryMs}\nevent: endpoint\n${known}data: ${path}?sessionId=${this.token}\n\n`);
    if (resumed === undefined) return;
    this.client.resume(resumed);
    // What changed in between was told to nobody.
    for (const message of allListChanges) this.notify(message);
  }

  get inFlight(): number {
    return this.client.inFlight;
  }

  answer(message: RawJson): void {
    this.#stream.send(message);
  }

  notify(message: RawJson): boolean {
    return this.#stream.send(message);
  }

  leave(): void {
    if (!this.#open) return;
    this.#stream.end();
    this.closed();
  }

  /** The connection is gone. */
  closed(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#stream.lost();
    this.#edge.streams--;
    this.#edge.attached.delete(this);
    this.#edge.oldClients.delete(this.token);
    this.client.close();
  }

  #agreement(revision: string, capabilities: RawJson): string {
    const agreed: Agreement = { h: this.#edge.key, p: anonymous.id, r: revision, c: capabilities };
    return this.#edge.deps.sealer.seal(agreementPurpose, agreed, agreementMs);
  }
}

/** The replica an address of this hub leads to; undefined for everything that is none. */
export function replicaOf(edge: HubEdge, token: string): string | undefined {
  const opened = edge.deps.sealer.open(addressPurpose, token, mostTokenChars) as Address | undefined;
  return opened?.h === edge.key ? opened.o : undefined;
}

/**
 * What was agreed on with a client that comes back. Event sources show the last event id; the TypeScript SDK leaves it out, but names the
 * revision that it has agreed on, which no client knows before: its session goes on without its capabilities, so that it is asked nothing.
 */
export function agreedBefore(edge: HubEdge, lastEventId: unknown, revision: unknown): NewSession | undefined {
  const agreed = typeof lastEventId === 'string' ? agreedIn(edge, lastEventId) : undefined;
  if (agreed !== undefined) return agreed;
  const known = typeof revision === 'string' ? legacyRevisions.find((one) => one === trimOws(revision)) : undefined;
  if (known === undefined) return undefined;
  return { principal: anonymous, revision: known, capabilities: emptyObject, clientInfo: undefined };
}

function agreedIn(edge: HubEdge, lastEventId: string): NewSession | undefined {
  if (lastEventId === '') return undefined;
  const agreed = edge.deps.sealer.open(agreementPurpose, lastEventId, mostTokenChars) as Agreement | undefined;
  if (agreed === undefined || agreed.h !== edge.key || agreed.p !== anonymous.id) return undefined;
  const revision = legacyRevisions.find((one) => one === agreed.r);
  if (revision === undefined) return undefined;
  return { principal: anonymous, revision, capabilities: agreed.c as RawJson, clientInfo: undefined };
}
