/** Reasons that a hub finds in what servers list. Rows are sorted by reason. */
import { hub } from './kinds.ts';
import type { ConditionRow } from './types.ts';

export const listReasons = {
  InvalidHeaderAnnotation: {
    on: { Degraded: 'True' },
    kinds: hub,
    severity: 'warning',
    meaning: 'A tool asks for a request header that cannot be made from its arguments; the tool is left out.',
    say: () => 'a tool asks for an impossible header',
    next: 'correct the tool, or exclude it in spec.tools.exclude',
  },
  InvalidItem: {
    on: { Degraded: 'True' },
    kinds: hub,
    severity: 'warning',
    meaning: 'A server lists something malformed (resource, template, prompt); it is left out.',
    say: () => 'a server lists something malformed',
    next: 'report it to the author of the server',
  },
  InvalidTool: {
    on: { Degraded: 'True' },
    kinds: hub,
    severity: 'warning',
    meaning: 'A server lists a malformed tool; it is left out.',
    say: () => 'a server lists a malformed tool',
    next: 'report it to the author of the server, or exclude the tool',
  },
  NameCollision: {
    on: { Degraded: 'True' },
    kinds: hub,
    severity: 'warning',
    meaning: 'Two tools or prompts would have one name. Neither is offered, so that none wins by accident.',
    say: () => 'two tools or prompts would have one name',
    next: 'rename one of them in spec.tools.rename, or give it an alias',
  },
  TooMany: {
    on: { Degraded: 'True' },
    kinds: hub,
    severity: 'warning',
    meaning: 'A server lists more than the hub takes; the rest is left out.',
    say: () => 'a server lists too much',
    next: 'limit it with spec.tools.include',
  },
  UnknownTool: {
    on: { Degraded: 'True' },
    kinds: hub,
    severity: 'warning',
    meaning: 'An edit or alias names a tool the server does not have (any more).',
    say: () => 'an edit names an unknown tool',
    next: 'correct the name in spec.tools or spec.naming.aliases',
  },
  UriCollision: {
    on: { Degraded: 'True' },
    kinds: hub,
    severity: 'warning',
    meaning: 'Two servers offer a resource under one URI. Both stay readable, under qualified URIs.',
    say: () => 'two servers offer one URI',
    next: 'nothing has to be done; clients see qualified URIs',
  },
} as const satisfies Readonly<Record<string, ConditionRow>>;
