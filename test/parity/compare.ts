/** Two recordings of one scenario: where they differ, beyond what is declared. Pure. */
import { plain } from './plain.ts';
import type { RecordedStream } from './stage.ts';

/** A difference that is known, with its reason. The list may only shrink: one that no run shows any more fails the suite. */
export interface DeclaredDifference {
  readonly scenario: string;
  /** Label of the stream. */
  readonly stream: string;
  /** Applied to the lines of both sides before they are compared. */
  readonly replace: readonly (readonly [RegExp, string])[];
  readonly why: string;
}

export interface Comparison {
  /** One text per stream that differs, both sides shown. */
  readonly differences: readonly string[];
  /** Declared ones that were needed. */
  readonly used: ReadonlySet<DeclaredDifference>;
}

export function compareStreams(
  scenario: string,
  one: readonly RecordedStream[],
  other: readonly RecordedStream[],
  declared: readonly DeclaredDifference[],
): Comparison {
  const used = new Set<DeclaredDifference>();
  const differences: string[] = [];
  const [mine, theirs] = [byLabel(one), byLabel(other)];
  for (const label of new Set([...mine.keys(), ...theirs.keys()])) {
    const left = mine.get(label);
    const right = theirs.get(label);
    if (left === undefined || right === undefined) {
      differences.push(`${label}: only ${left === undefined ? 'the second' : 'the first'} has it`);
      continue;
    }
    if (text(left) === text(right)) continue;
    const known = declared.filter((entry) => entry.scenario === scenario && entry.stream === label);
    const [a, b] = [text(left, known), text(right, known)];
    if (a === b) for (const entry of known) used.add(entry);
    else
      differences.push(
        `${label}:\n    first  ${a.replaceAll('\n', '\n           ')}\n    second ${b.replaceAll('\n', '\n           ')}`,
      );
  }
  return { differences, used };
}

/** Streams of parallel clients may be recorded in another order: labels tell them apart, equal labels are taken together. */
function byLabel(streams: readonly RecordedStream[]): Map<string, RecordedStream> {
  const out = new Map<string, RecordedStream>();
  for (const stream of streams) {
    const known = out.get(stream.label);
    out.set(stream.label, known === undefined ? stream : { ...known, lines: [...known.lines, ...stream.lines] });
  }
  return out;
}

function text(stream: RecordedStream, declared: readonly DeclaredDifference[] = []): string {
  const lines = plain(stream.lines).map((line) =>
    declared.flatMap((entry) => entry.replace).reduce((all, [pattern, by]) => all.replaceAll(pattern, by), line),
  );
  return (stream.unordered ? lines.toSorted() : lines).join('\n');
}
