/** An answer too large to be held: it goes on to its client while it arrives from its server (HT-5.12). */
import type { PassingEdits, RawJson } from '../wire/index.ts';

export interface PassingAnswer {
  /** The response must carry this id; known only once it has passed. */
  readonly id: RawJson;
  readonly source: PassingSource;
  readonly edits: PassingEdits;
}

/** Stands still until it is started, and ends once. Whoever has no use for it aborts it. */
export interface PassingSource {
  /** Bytes that have arrived. */
  readonly bytes: number;
  /** Once. What has arrived so far comes at once. */
  start(sink: PassingSink): void;
  /** The reader has no room. */
  pause(): void;
  resume(): void;
  abort(reason: string): void;
  /** Runs once when nothing more comes, at once when that is so already. */
  onEnd(listener: (how: PassingEnd) => void): void;
}

export type PassingEnd = 'complete' | 'aborted' | 'failed';

export interface PassingSink {
  /** The next piece of the response. */
  data(text: RawJson): void;
  end(): void;
  /** The rest will not come. */
  failed(reason: string): void;
}
