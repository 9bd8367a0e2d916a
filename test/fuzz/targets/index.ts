/** Everything that is fuzzed in process, in the order in which it is. */
import type { Target } from '../engine/target.ts';
import { answers } from './answers.ts';
import { mirrored } from './arguments.ts';
import { edits } from './edits.ts';
import { events } from './events.ts';
import { headers } from './headers.ts';
import { lines } from './lines.ts';
import { messages } from './messages.ts';
import { names } from './names.ts';
import { passing } from './passing.ts';
import { rounds } from './rounds.ts';
import { tokens } from './tokens.ts';

export const targets: readonly Target[] = [
  messages,
  passing,
  events,
  headers,
  answers,
  edits,
  mirrored,
  lines,
  tokens,
  names,
  rounds,
];

export { shapes } from './shapes.ts';
