/**
 * New inputs from old ones: what a careless or hostile peer would send.
 *
 * Small changes of bytes, pieces of the dictionary, parts of other inputs, and growth: a piece repeated many times is what shows work that grows
 * faster than its input.
 */
import type { Dice } from './random.ts';

/** Bytes at which parsers decide. */
const edges = [
  '\0',
  '\t',
  '\n',
  '\r',
  '\r\n',
  ' ',
  '"',
  "'",
  '\\',
  '/',
  '\x7f',
  '\x80',
  '\xa0',
  '\xbf',
  '\xc3',
  '\xe2',
  '\xf4',
  '\xff',
];
const numbers = [
  '0',
  '-0',
  '1',
  '-1',
  '1.0',
  '1e3',
  '1e400',
  '-1e-400',
  '9007199254740993',
  '1'.padEnd(60, '0'),
  '0.1',
  '00',
  '1.',
  '+1',
  'NaN',
];

export interface Stock {
  readonly inputs: readonly string[];
  readonly dictionary: readonly string[];
  readonly mostBytes: number;
}

export function mutate(input: string, stock: Stock, dice: Dice): string {
  let out = input;
  for (let round = 1 + dice.below(dice.once(4) ? 8 : 3); round > 0; round--) out = step(out, stock, dice);
  return out.length > stock.mostBytes ? out.slice(0, stock.mostBytes) : out;
}

function step(input: string, stock: Stock, dice: Dice): string {
  const at = dice.below(input.length + 1);
  const length = 1 + dice.below(Math.min(input.length - at, dice.once(4) ? 64 : 4));
  const put = (piece: string, instead = 0): string => input.slice(0, at) + piece + input.slice(at + instead);
  switch (dice.below(13)) {
    case 0:
      return put(String.fromCharCode(dice.below(256)), 1);
    case 1:
      return put(String.fromCharCode((input.charCodeAt(at) || 0) ^ (1 << dice.below(8))), 1);
    case 2:
      return put(String.fromCharCode(dice.below(256)));
    case 3:
      return put('', length);
    case 4:
      return put(dice.oneOf(edges) ?? '', dice.below(2));
    case 5:
    case 6:
      return put(dice.oneOf(stock.dictionary) ?? '', dice.once(3) ? length : 0);
    case 7:
      return put(input.slice(at, at + length));
    case 8: {
      const other = dice.oneOf(stock.inputs) ?? '';
      const from = dice.below(other.length);
      return put(other.slice(from, from + 1 + dice.below(other.length)), dice.once(2) ? length : 0);
    }
    case 9:
      return input.slice(0, at) + (dice.oneOf(stock.inputs) ?? '').slice(dice.below(64));
    case 10:
      return withNumber(input, at, dice);
    case 11: {
      // Two runs change places.
      const to = at + length;
      return input.slice(0, at) + input.slice(to, to + length) + input.slice(at, to) + input.slice(to + length);
    }
    default: {
      const piece = dice.once(2) ? input.slice(at, at + length) : (dice.oneOf(stock.dictionary) ?? '');
      if (piece === '') return input;
      const times = dice.once(40) ? Math.floor(stock.mostBytes / piece.length) : 1 + dice.below(40);
      return put(piece.repeat(Math.min(times, Math.ceil(stock.mostBytes / piece.length))));
    }
  }
}

/** Another number in place of the next one. */
function withNumber(input: string, from: number, dice: Dice): string {
  const match = /-?\d+(?:\.\d+)?/g;
  match.lastIndex = from;
  const found = match.exec(input);
  const number = dice.oneOf(numbers) ?? '0';
  return found === null ? input + number : input.slice(0, found.index) + number + input.slice(match.lastIndex);
}
