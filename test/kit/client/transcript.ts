/** Everything a kit client sent and got, in order, untouched. What two runs must share is compared by `toMatchTranscript`. */
import type { RpcMessage } from '../server/index.ts';

export interface TranscriptEntry {
  readonly direction: 'sent' | 'got';
  /** Where it travelled: an HTTP POST and its answer, the GET stream, or stdio. */
  readonly channel: 'post' | 'get' | 'delete' | 'stdio';
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly message?: RpcMessage;
  /** The bytes as text, when they were not one JSON-RPC message. */
  readonly text?: string;
}

const maxEntries = 100_000;

export class Transcript {
  readonly entries: TranscriptEntry[] = [];
  /** Entries beyond the bound, which were not kept. */
  dropped = 0;

  add(entry: TranscriptEntry): void {
    if (this.entries.length < maxEntries) this.entries.push(entry);
    else this.dropped += 1;
  }

  /** Messages only, for most comparisons. */
  messages(direction?: 'sent' | 'got'): RpcMessage[] {
    return this.entries.flatMap((one) =>
      one.message !== undefined && (direction === undefined || one.direction === direction) ? [one.message] : [],
    );
  }
}
