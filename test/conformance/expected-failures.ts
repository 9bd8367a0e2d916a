/**
 * Required scenarios that a server behind the hub cannot pass, whatever the hub does, with the reason. Everything else passes, also what the server
 * itself does not pass for clients of the other era. The list may only shrink: a scenario that is listed and passes fails the test as stale.
 */
import type { Revision } from './requirement-set.ts';
import type { FixtureName } from './world.ts';

interface Blocked {
  readonly by: string;
  readonly scenarios: readonly string[];
}

const needsSession: Blocked = {
  by: 'the tools ask their client live, and such a server does that only in a session of its own era',
  scenarios: [
    'tools-call-sampling',
    'tools-call-elicitation',
    'elicitation-sep1034-defaults',
    'elicitation-sep1330-enums',
  ],
};

export const expectedFailures: Readonly<Record<FixtureName, Readonly<Record<Revision, readonly Blocked[]>>>> = {
  dual: { '2025-11-25': [needsSession], '2026-07-28': [] },
  modern: { '2025-11-25': [needsSession], '2026-07-28': [] },
  legacy: {
    '2025-11-25': [],
    '2026-07-28': [
      {
        by: 'a question of an older server has no key of its own; the tool wants the one that its newer form gives it',
        scenarios: ['input-required-result-basic-elicitation'],
      },
      {
        by: 'the server asks once only where it plays newer tools for older clients',
        scenarios: ['input-required-result-multi-round'],
      },
    ],
  },
};

/** What the `dual` server does not pass itself: the first four nobody passes with it, several streams of a session the hub adds. */
export const directFailures: Readonly<Record<Revision, readonly string[]>> = {
  '2025-11-25': [...needsSession.scenarios, 'server-sse-multiple-streams'],
  '2026-07-28': [],
};

/** Scenarios that name no tool and no prompt, so that prefixes do not matter to them. */
export const withoutNames: Readonly<Record<Revision, readonly string[]>> = {
  '2025-11-25': [
    'server-initialize',
    'logging-set-level',
    'ping',
    'tools-list',
    'server-sse-multiple-streams',
    'resources-list',
    'resources-read-text',
    'resources-read-binary',
    'resources-templates-read',
    'resources-subscribe',
    'resources-unsubscribe',
    'prompts-list',
    'dns-rebinding-protection',
  ],
  '2026-07-28': [
    'tools-list',
    'server-sse-multiple-streams',
    'resources-list',
    'resources-read-text',
    'resources-read-binary',
    'resources-templates-read',
    'sep-2164-resource-not-found',
    'prompts-list',
    'dns-rebinding-protection',
    'caching',
  ],
};

export function expectedFailureNames(fixture: FixtureName, revision: Revision): readonly string[] {
  return expectedFailures[fixture][revision].flatMap((group) => group.scenarios);
}
