/** All scenarios, in the order in which they are played: those that change the world come last. */
import type { Scenario } from '../scenario.ts';
import { calls } from './calls.ts';
import { cells } from './cells.ts';
import { doors } from './doors.ts';
import { hubs, hubsThatChange } from './hubs.ts';
import { life } from './life.ts';
import { sessions } from './sessions.ts';
import { streams } from './streams.ts';
import { surface } from './surface.ts';
import { troubled } from './troubled.ts';
import { wire } from './wire.ts';

export const scenarios: readonly Scenario[] = [
  ...surface,
  ...calls,
  ...wire,
  ...streams,
  ...sessions,
  ...doors,
  ...cells,
  ...hubs,
  ...troubled,
  ...life,
  ...hubsThatChange,
];
