/**
 * Splits a stream of chunks into lines without ever decoding them: a watch event may be cut anywhere, also inside a UTF-8 character.
 * A line over the bound ends the stream, so that a peer that never sends a line feed cannot fill the memory.
 */
import { KubeError } from './kube-error.ts';

export interface LineSplitter {
  push(chunk: Buffer): void;
  /** Bytes of an unfinished line. */
  readonly pending: number;
}

export function createLineSplitter(onLine: (line: Buffer) => void, maxLineBytes: number): LineSplitter {
  let parts: Buffer[] = [];
  let pending = 0;
  return {
    push(chunk) {
      let from = 0;
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
        const rest = chunk.subarray(from, at);
        from = at + 1;
        const line = pending === 0 ? rest : Buffer.concat([...parts, rest], pending + rest.length);
        if (pending > 0) {
          parts = [];
          pending = 0;
        }
        if (line.length > 0) onLine(line);
      }
      if (from < chunk.length) {
        const rest = from === 0 ? chunk : chunk.subarray(from);
        pending += rest.length;
        if (pending > maxLineBytes) {
          throw new KubeError('KUBE_PROTOCOL', `a line of the stream is over ${maxLineBytes} bytes`, {
            reason: 'LineTooLong',
          });
        }
        parts.push(rest);
      }
    },
    get pending() {
      return pending;
    },
  };
}
