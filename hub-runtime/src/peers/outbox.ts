/**
 * Notes on their way to other replicas: collected for a moment, sent in bounded messages, and again until they arrive or their receiver is no
 * replica any more: one that was stopped for a while must hear what became of its sessions. Bounded; what does not fit is dropped, asked for
 * when it is needed (a claim asks everybody), or costs a client one `initialize`.
 */
import type { Clock } from '../base/index.ts';
import { type Ended, type Mirrored, mirrorSize, mostNoteBytes, mostNotes, type Notes } from './peer-messages.ts';

export interface OutboxDeps {
  readonly clock: Clock;
  /** Sends one message; rejects when it did not arrive. */
  send(peer: string, notes: Notes): Promise<void>;
  leaving(): boolean;
  dropped(count: number): void;
}

type Note =
  | { readonly kind: 'ended' | 'taken'; readonly note: Ended }
  | { readonly kind: 'mirrors'; readonly note: Mirrored };

/** A note, and who waits for its arrival. */
interface Waiting {
  readonly note: Note;
  readonly arrived: readonly (() => void)[];
}

interface Box {
  /** By kind and session: only the last word counts. */
  notes: Map<string, Waiting>;
  sending: boolean;
}

const collectMs = 10;
/** Soon: a replica that has just come may not have heard of this one yet. */
const retryMs = 50;
const longestRetryMs = 5_000;
/** For one replica. */
const mostWaiting = 20_000;
const bytesPerMessage = mostNoteBytes / 4;
const nobody: readonly (() => void)[] = [];

export class Outbox {
  readonly #deps: OutboxDeps;
  readonly #boxes = new Map<string, Box>();
  #sending = 0;
  #idle: (() => void)[] = [];

  constructor(deps: OutboxDeps) {
    this.#deps = deps;
  }

  /** `arrived` is called when this word of it, or a later one, is there; never when it is dropped. */
  add(peer: string, note: Note, arrived?: () => void): void {
    let box = this.#boxes.get(peer);
    if (box === undefined) this.#boxes.set(peer, (box = { notes: new Map(), sending: false }));
    const key = `${note.kind} ${note.note.id}`;
    const before = box.notes.get(key)?.arrived ?? nobody;
    box.notes.delete(key);
    box.notes.set(key, { note, arrived: arrived === undefined ? before : [...before, arrived] });
    if (box.notes.size > mostWaiting) {
      const [oldest] = box.notes.keys();
      if (oldest !== undefined) box.notes.delete(oldest);
      this.#deps.dropped(1);
    }
    if (box.sending) return;
    box.sending = true;
    this.#sending++;
    this.#deps.clock.after(collectMs, () => void this.#drain(peer, box));
  }

  /** Resolves when nothing waits. While somebody cannot be reached that may be never. */
  idle(): Promise<void> {
    return this.#sending === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Forgets what waits for replicas that are gone. */
  keep(peers: (id: string) => boolean): void {
    for (const peer of this.#boxes.keys()) if (!peers(peer)) this.#boxes.delete(peer);
  }

  async #drain(peer: string, box: Box): Promise<void> {
    let failures = 0;
    while (box.notes.size > 0 && this.#boxes.get(peer) === box) {
      const taken = take(box.notes);
      const notes = [...taken.values()].map(({ note }) => note);
      if (await this.#try(peer, messageOf(notes, this.#deps.leaving()))) {
        failures = 0;
        for (const { arrived } of taken.values()) for (const tell of arrived) tell();
        continue;
      }
      box.notes = united(taken, box.notes);
      await this.#pause(Math.min(longestRetryMs, retryMs * 2 ** failures++));
    }
    box.sending = false;
    if (this.#boxes.get(peer) === box) this.#boxes.delete(peer);
    if (--this.#sending === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#deps.clock.after(ms, resolve));
  }

  #try(peer: string, message: Notes): Promise<boolean> {
    return this.#deps.send(peer, message).then(
      () => true,
      () => false,
    );
  }
}

function take(notes: Map<string, Waiting>): Map<string, Waiting> {
  const taken = new Map<string, Waiting>();
  let bytes = 0;
  for (const [key, waiting] of notes) {
    if (taken.size >= mostNotes || bytes > bytesPerMessage) break;
    notes.delete(key);
    taken.set(key, waiting);
    if (waiting.note.kind === 'mirrors') bytes += mirrorSize(waiting.note.note);
  }
  return taken;
}

/** What did not arrive, and what was said meanwhile: that is newer, and whoever waited for the older word waits for it. */
function united(failed: ReadonlyMap<string, Waiting>, newer: ReadonlyMap<string, Waiting>): Map<string, Waiting> {
  const all = new Map(failed);
  for (const [key, { note, arrived }] of newer)
    all.set(key, { note, arrived: [...(failed.get(key)?.arrived ?? nobody), ...arrived] });
  return all;
}

function messageOf(notes: readonly Note[], leaving: boolean): Notes {
  const ended: Ended[] = [];
  const taken: Ended[] = [];
  const mirrors: Mirrored[] = [];
  for (const one of notes) {
    if (one.kind === 'mirrors') mirrors.push(one.note);
    else if (one.kind === 'ended') ended.push(one.note);
    else taken.push(one.note);
  }
  return { leaving, ended, taken, mirrors };
}
