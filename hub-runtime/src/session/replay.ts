/**
 * Event streams of a legacy session that survive their connections (2025-11-25 transports, resumability): each event has an id, what was
 * sent is kept for a while, and a client that lost its connection gets the rest of that stream, and of no other.
 *
 * Kept are the last events of each stream, and of an answer's stream always the answer, within bounds of count, bytes and time. Streams exist
 * only where something had to be streamed, so a plain call keeps nothing.
 */
import type { Clock } from '../base/index.ts';
import type { RawJson } from '../wire/index.ts';
import { copyLimits, type StreamCopy } from './replay-copy.ts';

export const replayLimits = {
  /** Events of one stream that are kept. */
  events: 256,
  /** Bytes of one session that are kept; one event may be larger. */
  bytes: 256 * 1024,
  /** Bytes of all sessions of one hub. */
  totalBytes: 64 * 1024 * 1024,
  /** Streams of one session that can be resumed. */
  streams: 64,
  /** A stream that ended, or that nobody has come back to, is forgotten after this, milliseconds. */
  keepMs: 5 * 60_000,
} as const;

/** A connection that carries a stream for now. */
export interface Carrier {
  /** `id` belongs to the event. False: it is closed, or too slow. */
  write(message: RawJson, id: string): boolean;
  /** The stream is over, after one last event when given. */
  finish(message?: RawJson, id?: string): void;
}

/** Of all sessions of a hub: bytes that are kept, and names of streams. */
export class ReplayBudget {
  used = 0;
  readonly #tag: string;
  #lastName = 0;

  /** `tag`: unlike that of any other replica, for streams move between them (hex, at most 16 characters). */
  constructor(tag = '') {
    this.#tag = tag === '' ? '' : `.${tag}`;
  }

  name(kind: StreamKind): string {
    return `${kind === 'post' ? 'p' : 'g'}${++this.#lastName}${this.#tag}`;
  }

  get isSpent(): boolean {
    return this.used > replayLimits.totalBytes;
  }
}

const eventShape = /^([pg][0-9]{1,15}(?:\.[0-9a-f]{1,16})?)-([0-9]{1,15})$/;

interface Kept {
  readonly seq: number;
  readonly message: RawJson;
}

/** `post`: of an answer. `get`: of the session itself. */
export type StreamKind = 'post' | 'get';

export class ReplayStream {
  readonly kind: StreamKind;
  /** Without a connection, or over, since then; monotonic milliseconds. */
  idleSince: number;
  readonly #name: string;
  readonly #owner: SessionReplay;
  readonly #clock: Clock;
  #carrier: Carrier | undefined;
  /** The request an answer's stream belongs to, raw. */
  readonly requestId: RawJson | undefined;
  #kept: Kept[] = [];
  #lastSeq = 0;
  #over = false;

  constructor(kind: StreamKind, name: string, owner: SessionReplay, clock: Clock, requestId?: RawJson) {
    this.kind = kind;
    this.requestId = requestId;
    this.#name = name;
    this.#owner = owner;
    this.#clock = clock;
    this.idleSince = clock.monotonic();
  }

  /** As another replica needs it. Takes what is newest, up to `mostBytes`; undefined: there is nothing to come back for, or its answer is too large. */
  copy(mostBytes: number): StreamCopy | undefined {
    const kept: (readonly [number, RawJson])[] = [];
    let room = mostBytes;
    for (const { seq, message } of this.#kept.toReversed()) {
      room -= message.length;
      if (room < 0) break;
      kept.unshift([seq, message]);
    }
    if (this.#over && (kept.length === 0 || kept.at(-1)?.[0] !== this.#lastSeq)) return undefined;
    const { kind, requestId } = this;
    return { name: this.#name, kind, over: this.#over, last: this.#lastSeq, requestId, kept };
  }

  /** Goes on as the stream it is a copy of. */
  resumeFrom({ kept, last, over }: StreamCopy): void {
    this.#kept = kept.map(([seq, message]) => ({ seq, message }));
    this.#lastSeq = last;
    this.#over = over;
    this.#owner.kept(this.keptBytes);
  }

  /** Whether what came after `seq` is not all there any more. */
  lacks(seq: number): boolean {
    const oldest = this.#kept[0]?.seq ?? this.#lastSeq + 1;
    return seq + 1 < oldest;
  }

  get isOver(): boolean {
    return this.#over;
  }

  get isCarried(): boolean {
    return this.#carrier !== undefined;
  }

  get keptBytes(): number {
    return this.#kept.reduce((sum, { message }) => sum + message.length, 0);
  }

  get keptEvents(): number {
    return this.#kept.length;
  }

  /** Id of the event before the first: where a client starts that got nothing yet. */
  get firstId(): string {
    return `${this.#name}-0`;
  }

  /** False: nobody is there to read it now; it is kept. */
  send(message: RawJson): boolean {
    if (this.#over) return false;
    const id = this.#keep(message);
    if (this.#carrier?.write(message, id) === true) return true;
    if (this.#carrier !== undefined) this.lost(this.#carrier);
    return false;
  }

  /** The last event, when given. */
  end(message?: RawJson): void {
    if (this.#over) return;
    const id = message === undefined ? undefined : this.#keep(message);
    const carrier = this.#carrier;
    this.#over = true;
    this.#carrier = undefined;
    this.idleSince = this.#clock.monotonic();
    carrier?.finish(message, id);
  }

  /** What is still to come is too large to be kept: its connection gets it, and nobody can come back for it. */
  letGo(): void {
    this.#over = true;
    this.#carrier = undefined;
    this.idleSince = this.#clock.monotonic();
  }

  /** A connection for it: gets what came after `seq`, then what is still to come. The one before it is let go. */
  carry(carrier: Carrier, seq: number): void {
    const before = this.#carrier;
    this.#carrier = undefined;
    before?.finish();
    const rest = this.#kept.filter((one) => one.seq > seq);
    if (!this.#over) this.#carrier = carrier;
    for (const one of rest.slice(0, -1)) carrier.write(one.message, `${this.#name}-${one.seq}`);
    const last = rest.at(-1);
    if (this.#over) carrier.finish(last?.message, last === undefined ? undefined : `${this.#name}-${last.seq}`);
    else if (last !== undefined) carrier.write(last.message, `${this.#name}-${last.seq}`);
  }

  /** Its connection is gone; it goes on without. */
  lost(carrier: Carrier): void {
    if (this.#carrier !== carrier) return;
    this.#carrier = undefined;
    this.idleSince = this.#clock.monotonic();
  }

  /** Gives up its oldest event. False: there is none that may go. */
  shed(): boolean {
    // The last event of an answer is the answer.
    if (this.#kept.length === 0 || (this.#kept.length === 1 && this.kind === 'post' && this.#over)) return false;
    const [oldest] = this.#kept.splice(0, 1);
    this.#owner.kept(-(oldest?.message.length ?? 0));
    return true;
  }

  forget(): void {
    this.#owner.kept(-this.keptBytes);
    this.#kept = [];
  }

  #keep(message: RawJson): string {
    const seq = ++this.#lastSeq;
    this.#kept.push({ seq, message });
    this.#owner.kept(message.length);
    if (this.#kept.length > replayLimits.events) this.shed();
    this.#owner.makeRoom(this);
    this.#owner.changed();
    return `${this.#name}-${seq}`;
  }
}

export class SessionReplay {
  readonly #clock: Clock;
  readonly #budget: ReplayBudget;
  /** Oldest first. */
  readonly #streams = new Map<string, ReplayStream>();
  #bytes = 0;
  readonly changed: () => void;

  /** `changed`: something is kept that was not. */
  constructor(clock: Clock, budget: ReplayBudget, changed?: () => void) {
    this.changed = changed ?? (() => {});
    this.#clock = clock;
    this.#budget = budget;
  }

  get size(): number {
    return this.#streams.size;
  }

  /** `requestId`: what an answer's stream answers. */
  open(kind: StreamKind, requestId?: RawJson): ReplayStream {
    return this.#add(kind, this.#budget.name(kind), requestId);
  }

  /** For another replica: `going` also those whose end is still to come at this one. The newest first, within bounds. */
  copy(going: boolean): readonly StreamCopy[] {
    const copies: StreamCopy[] = [];
    let room = copyLimits.chars;
    for (const stream of [...this.#streams.values()].toReversed()) {
      if (!going && stream.kind === 'post' && !stream.isOver) continue;
      const copied = stream.copy(room);
      if (copied === undefined || copies.length >= copyLimits.streams) continue;
      room -= copied.kept.reduce((sum, [, message]) => sum + message.length, 0);
      copies.unshift(copied);
    }
    return copies;
  }

  /** Takes streams over from another replica. Returns those of answers that nobody will finish. */
  restore(copies: readonly StreamCopy[]): readonly ReplayStream[] {
    const unfinished: ReplayStream[] = [];
    for (const copied of copies) {
      if (this.#streams.has(copied.name)) continue;
      const stream = this.#add(copied.kind, copied.name, copied.requestId);
      stream.resumeFrom(copied);
      this.makeRoom(stream);
      if (copied.kind === 'post' && !copied.over) unfinished.push(stream);
    }
    return unfinished;
  }

  /** By the id of an event of it. */
  find(eventId: string): { readonly stream: ReplayStream; readonly seq: number } | undefined {
    const match = eventShape.exec(eventId);
    const stream = this.#streams.get(match?.[1] ?? '');
    return stream === undefined ? undefined : { stream, seq: Number(match?.[2]) };
  }

  /** The newest stream of the session that only lacks a connection: what is said unasked waits there. */
  get waiting(): ReplayStream | undefined {
    let newest: ReplayStream | undefined;
    for (const stream of this.#streams.values())
      if (stream.kind === 'get' && !stream.isOver && !stream.isCarried) newest = stream;
    return newest;
  }

  sweep(): void {
    const before = this.#clock.monotonic() - replayLimits.keepMs;
    for (const [name, stream] of this.#streams) {
      const isIdle = stream.isOver || (stream.kind === 'get' && !stream.isCarried);
      if (isIdle && stream.idleSince < before) this.#drop(name, stream);
    }
  }

  close(): void {
    for (const [name, stream] of this.#streams) this.#drop(name, stream);
  }

  kept(bytes: number): void {
    this.#bytes += bytes;
    this.#budget.used += bytes;
  }

  /** Old events of other streams go first, then those of this one; its newest stays, however large it is. */
  makeRoom(newest: ReplayStream): void {
    const isOver = (): boolean => this.#bytes > replayLimits.bytes || this.#budget.isSpent;
    if (!isOver()) return;
    for (const stream of this.#streams.values()) if (stream !== newest) while (isOver() && stream.shed());
    while (isOver() && newest.keptEvents > 1 && newest.shed());
  }

  #add(kind: StreamKind, name: string, requestId: RawJson | undefined): ReplayStream {
    if (this.#streams.size >= replayLimits.streams) this.#dropOldest();
    const stream = new ReplayStream(kind, name, this, this.#clock, requestId);
    this.#streams.set(name, stream);
    return stream;
  }

  #dropOldest(): void {
    for (const [name, stream] of this.#streams)
      if (stream.isOver || (stream.kind === 'get' && !stream.isCarried)) {
        this.#drop(name, stream);
        return;
      }
    const [first] = this.#streams;
    if (first !== undefined) this.#drop(...first);
  }

  #drop(name: string, stream: ReplayStream): void {
    this.#streams.delete(name);
    stream.forget();
  }
}
