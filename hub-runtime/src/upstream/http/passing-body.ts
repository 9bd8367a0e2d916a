/**
 * The body of an answer that goes on to its client while it arrives. The connection to the server stands still until somebody reads, and
 * whenever the reader has no room: what is held is what had arrived before, and a chunk.
 */
import type { PassingEnd, PassingSink, PassingSource, ResultOutcome } from '../../exchange/index.ts';
import { emptyObject, type RawJson, type ScannedObject } from '../../wire/index.ts';
import type { Answerer } from '../answer.ts';

/** The request whose answer it is. */
export interface PassingRequest {
  pause(): void;
  resume(): void;
  abort(reason: string): void;
}

/** Stands for a result that is not here. */
const nothing: ScannedObject = { raw: emptyObject, start: 0, end: 2, members: [], meta: undefined };
const noEdits = {};

/** `id`: what the answer must carry. */
export function passingOutcome(source: PassingSource, id: RawJson, { era, prefix }: Answerer): ResultOutcome {
  return { kind: 'result', result: nothing, era, server: prefix, passing: { id, source, edits: noEdits } };
}

export class PassingBody implements PassingSource {
  bytes = 0;
  readonly #request: PassingRequest;
  #pending = '';
  #sink: PassingSink | undefined;
  #end: PassingEnd | undefined;
  #reason = '';
  #standsStill = true;
  #listeners: ((how: PassingEnd) => void)[] = [];

  constructor(request: PassingRequest) {
    this.#request = request;
    request.pause();
  }

  get isOver(): boolean {
    return this.#end !== undefined;
  }

  /** Nobody reads at the moment: that nothing comes is not the server's doing. */
  get standsStill(): boolean {
    return this.#standsStill;
  }

  data(text: RawJson): void {
    if (this.#end !== undefined) return;
    this.bytes += text.length;
    if (this.#sink === undefined) this.#pending += text;
    else this.#sink.data(text);
  }

  /** All of it has arrived. */
  complete(): void {
    this.#finish('complete');
    this.#sink?.end();
  }

  failed(reason: string): void {
    if (this.#end !== undefined) return;
    this.#reason = reason;
    this.#finish('failed');
    this.#sink?.failed(reason);
  }

  start(sink: PassingSink): void {
    this.#sink = sink;
    const pending = this.#pending as RawJson;
    this.#pending = '';
    if (pending !== '' && this.#end !== 'aborted') sink.data(pending);
    if (this.#end === 'complete') sink.end();
    else if (this.#end !== undefined) sink.failed(this.#reason);
    else this.resume();
  }

  pause(): void {
    if (this.#end !== undefined || this.#standsStill) return;
    this.#standsStill = true;
    this.#request.pause();
  }

  resume(): void {
    if (this.#end !== undefined || !this.#standsStill || this.#sink === undefined) return;
    this.#standsStill = false;
    this.#request.resume();
  }

  abort(reason: string): void {
    if (this.#end !== undefined) return;
    this.#reason = reason;
    this.#pending = '';
    this.#finish('aborted');
    this.#request.abort(reason);
  }

  onEnd(listener: (how: PassingEnd) => void): void {
    if (this.#end === undefined) this.#listeners.push(listener);
    else listener(this.#end);
  }

  #finish(how: PassingEnd): void {
    if (this.#end !== undefined) return;
    this.#end = how;
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener(how);
  }
}
