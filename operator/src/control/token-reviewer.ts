/**
 * Whom a bearer token speaks for, by TokenReview.
 *
 * Runs for every new connection on the leader. A verdict is remembered for a bounded time under a hash of the token, and one token is asked
 * for once however many present it: 150 hubs that come back at once do not become a burst at the API server. Failures to ask are never
 * remembered. Neither token nor answer reaches a log or an error.
 */
import { createHash } from 'node:crypto';

import type { Clock } from 'quaymaster/base';

import type { KubeClient, KubeObject, Resource } from '../kube/index.ts';
import type { ControlMetrics } from './control-metrics.ts';
import type { PodIdentity } from './control-types.ts';
import type { ControlLimits } from './limits.ts';
import { createTurnstile } from './turnstile.ts';

export const tokenReviewResource: Resource = {
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'TokenReview',
  plural: 'tokenreviews',
  namespaced: false,
};

export type Verdict =
  | { readonly kind: 'accepted'; readonly pod: PodIdentity }
  | { readonly kind: 'refused'; readonly reason: 'token' | 'audience' | 'notAPod' };

export interface TokenReviewer {
  /** Rejects when the API server could not be asked. */
  review(token: string): Promise<Verdict>;
}

export interface TokenReviewerDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly audience: string;
  readonly limits: ControlLimits;
  readonly metrics: ControlMetrics;
}

export function createTokenReviewer({ client, clock, audience, limits, metrics }: TokenReviewerDeps): TokenReviewer {
  /** In order of use, the oldest first. */
  const verdicts = new Map<string, { readonly verdict: Verdict; readonly until: number }>();
  const asking = new Map<string, Promise<Verdict>>();
  const turnstile = createTurnstile(limits.reviewsAtOnce);

  const remembered = (hash: string): Verdict | undefined => {
    const entry = verdicts.get(hash);
    if (entry === undefined) return undefined;
    verdicts.delete(hash);
    if (entry.until <= clock.monotonic()) return undefined;
    verdicts.set(hash, entry);
    return entry.verdict;
  };

  const remember = (hash: string, token: string, verdict: Verdict): void => {
    const forMs =
      verdict.kind === 'accepted' ? Math.min(limits.acceptedMs, lifetimeMs(token, clock.now())) : limits.refusedMs;
    if (forMs <= 0) return;
    verdicts.set(hash, { verdict, until: clock.monotonic() + forMs });
    for (const oldest of verdicts.keys()) {
      if (verdicts.size <= limits.verdicts) return;
      verdicts.delete(oldest);
    }
  };

  const ask = async (hash: string, token: string): Promise<Verdict> => {
    const leave = await turnstile.enter();
    const overdue = new AbortController();
    const cancel = clock.after(limits.reviewMs, () => overdue.abort());
    try {
      const review = { ...emptyReview, spec: { token, audiences: [audience] } };
      const answer = await client.create(tokenReviewResource, review as KubeObject, undefined, overdue.signal);
      const verdict = readVerdict(answer.status, audience);
      metrics.count('quaymaster_control_reviews_total', { result: verdict.kind });
      remember(hash, token, verdict);
      return verdict;
    } catch (error) {
      metrics.count('quaymaster_control_reviews_total', { result: 'failed' });
      throw error;
    } finally {
      cancel();
      leave();
      asking.delete(hash);
    }
  };

  return {
    async review(token) {
      const hash = createHash('sha256').update(token).digest('base64');
      const known = remembered(hash);
      if (known !== undefined) {
        metrics.count('quaymaster_control_reviews_total', { result: 'cached' });
        return known;
      }
      let answer = asking.get(hash);
      if (answer === undefined) {
        answer = ask(hash, token);
        asking.set(hash, answer);
      }
      return await answer;
    },
  };
}

const emptyReview = {
  apiVersion: 'authentication.k8s.io/v1',
  kind: 'TokenReview',
  // Nothing is stored, so nothing is named.
  metadata: {},
};

interface ReviewStatus {
  readonly authenticated?: boolean;
  readonly audiences?: readonly string[];
  readonly user?: { readonly username?: string; readonly extra?: Readonly<Record<string, readonly string[]>> };
}

function readVerdict(answer: unknown, audience: string): Verdict {
  const status = (answer ?? {}) as ReviewStatus;
  if (status.authenticated !== true) return { kind: 'refused', reason: 'token' };
  // An authenticator that knows no audiences answers without any: its yes is not meant for us.
  if (status.audiences?.includes(audience) !== true) return { kind: 'refused', reason: 'audience' };
  const [prefix, kind, namespace, serviceAccount, ...rest] = (status.user?.username ?? '').split(':');
  const name = status.user?.extra?.['authentication.kubernetes.io/pod-name']?.[0];
  const uid = status.user?.extra?.['authentication.kubernetes.io/pod-uid']?.[0];
  const isServiceAccount = prefix === 'system' && kind === 'serviceaccount' && rest.length === 0;
  if (!isServiceAccount || !namespace || !serviceAccount || !name || !uid)
    return { kind: 'refused', reason: 'notAPod' };
  return { kind: 'accepted', pod: { namespace, serviceAccount, name, uid } };
}

/** How long an accepted JWT still lasts. Its signature was checked by the API server; a token of another make says nothing. */
function lifetimeMs(token: string, now: number): number {
  try {
    const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8');
    const { exp } = JSON.parse(payload) as { readonly exp?: unknown };
    return typeof exp === 'number' ? exp * 1_000 - now : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
