/**
 * Required scenarios that the hub does not pass yet, under what would unblock them. The list may only shrink: a scenario that is listed and
 * passes fails the test as stale.
 */
import type { Revision } from './requirement-set.ts';

interface Blocked {
  readonly by: string;
  readonly scenarios: readonly string[];
}

export const expectedFailures: Readonly<Record<Revision, readonly Blocked[]>> = {
  '2025-11-25': [
    {
      by: 'questions to the client (sampling, elicitation) are not bridged yet',
      scenarios: [
        'tools-call-sampling',
        'tools-call-elicitation',
        'elicitation-sep1034-defaults',
        'elicitation-sep1330-enums',
      ],
    },
    {
      by: 'subscriptions to single resources are not bridged yet',
      scenarios: ['resources-subscribe', 'resources-unsubscribe'],
    },
  ],
  '2026-07-28': [
    {
      by: 'questions to the client (input_required rounds) are not bridged yet',
      scenarios: [
        'input-required-result-basic-elicitation',
        'input-required-result-basic-sampling',
        'input-required-result-basic-list-roots',
        'input-required-result-request-state',
        'input-required-result-multiple-input-requests',
        'input-required-result-multi-round',
        'input-required-result-non-tool-request',
        'input-required-result-result-type',
        'input-required-result-tampered-state',
        'input-required-result-capability-check',
      ],
    },
  ],
};

export function expectedFailureNames(revision: Revision): readonly string[] {
  return expectedFailures[revision].flatMap((group) => group.scenarios);
}
