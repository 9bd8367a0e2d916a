/**
 * From a field path (`spec.env[2].name`) to line and column in the YAML or JSON it came from.
 *
 * A path that leads nowhere (a required field is missing) points at the nearest thing above it that exists.
 */
import { isMap, isPair, isScalar, isSeq, type LineCounter, type Node, type Pair } from 'yaml';

import type { Position } from '../problems/index.ts';

export type Locate = (path: string) => Position | undefined;

export function locator(root: unknown, counter: LineCounter): Locate {
  return (path) => {
    let node: unknown = root;
    let offset = offsetOf(root);
    let rest = path;
    while (rest !== '') {
      const step = next(node, rest);
      if (step === undefined) break;
      node = step.node;
      offset = step.offset ?? offset;
      rest = step.rest;
    }
    if (offset === undefined) return undefined;
    const { line, col } = counter.linePos(offset);
    return line === 0 ? undefined : { line, column: col };
  };
}

interface Step {
  readonly node: unknown;
  readonly offset: number | undefined;
  readonly rest: string;
}

function next(node: unknown, rest: string): Step | undefined {
  const index = /^\[(\d+)\]\.?/.exec(rest);
  if (index !== null && isSeq(node)) {
    const item = node.items[Number(index[1])];
    if (item === undefined) return undefined;
    return { node: item, offset: offsetOf(item), rest: rest.slice(index[0].length) };
  }
  if (!isMap(node)) return undefined;
  const quoted = /^\["((?:[^"\\]|\\.)*)"\]\.?/.exec(rest) ?? /^\['([^']*)'\]\.?/.exec(rest);
  if (quoted !== null) return entry(node.items, quoted[1] ?? '', rest.slice(quoted[0].length));
  // Keys may hold dots (labels, aliases): the longest key that fits wins.
  const ends = [rest.length];
  for (let at = rest.length - 1; at > 0; at--) if (rest[at] === '.' || rest[at] === '[') ends.push(at);
  for (const end of ends) {
    const found = entry(node.items, rest.slice(0, end), rest.slice(rest[end] === '.' ? end + 1 : end));
    if (found !== undefined) return found;
  }
  return undefined;
}

function entry(items: readonly unknown[], key: string, rest: string): Step | undefined {
  for (const pair of items) {
    if (!isPair(pair)) continue;
    const name = isScalar(pair.key) ? String(pair.key.value) : undefined;
    if (name === key) return { node: pair.value, offset: offsetOf((pair as Pair<Node, unknown>).key), rest };
  }
  return undefined;
}

function offsetOf(node: unknown): number | undefined {
  return (node as Node | undefined | null)?.range?.[0];
}
