import { type KubeClient, KubeError } from '../../kube/index.ts';

export interface FakeReviews {
  readonly client: KubeClient;
  /** Tokens in the order they were asked for. */
  readonly asked: string[];
  /** Most at once so far. */
  readonly most: () => number;
  failing: boolean;
  delayMs: number;
}

/** A token that the fake accepts for this Pod. Its parts are as a JWT has them. */
export function podToken(
  pod: { readonly namespace: string; readonly name: string; readonly uid: string },
  over: { readonly audience?: string; readonly exp?: number; readonly username?: string } = {},
): string {
  const claims = { audience: 'test', username: `system:serviceaccount:${pod.namespace}:hub`, ...over, ...pod };
  return `head.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${'s'.repeat(16)}`;
}

interface Claims {
  readonly audience: string;
  readonly username: string;
  readonly name?: string;
  readonly uid?: string;
}

export function fakeReviews(): FakeReviews {
  const asked: string[] = [];
  let now = 0;
  let most = 0;
  const fake: FakeReviews = {
    asked,
    most: () => most,
    failing: false,
    delayMs: 0,
    client: {
      async create(
        _resource: unknown,
        review: { spec: { token: string; audiences: string[] } },
        _query: unknown,
        signal?: AbortSignal,
      ) {
        asked.push(review.spec.token);
        now += 1;
        most = Math.max(most, now);
        try {
          if (fake.delayMs > 0) await delay(fake.delayMs, signal);
          if (fake.failing)
            throw new KubeError('KUBE_NETWORK', 'POST /apis/authentication.k8s.io/v1/tokenreviews: refused');
          return { status: statusOf(review.spec.token, review.spec.audiences) };
        } finally {
          now -= 1;
        }
      },
    } as unknown as KubeClient,
  };
  return fake;
}

function delay(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(new KubeError('KUBE_ABORTED', 'aborted'));
    });
  });
}

function statusOf(token: string, audiences: readonly string[]): unknown {
  const [head, payload] = token.split('.');
  if (head !== 'head' || payload === undefined) return { authenticated: false, error: `invalid bearer token ${token}` };
  const { audience, username, name, uid } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Claims;
  return {
    authenticated: true,
    audiences: audiences.filter((each) => each === audience),
    user: {
      username,
      extra: {
        ...(name === undefined ? {} : { 'authentication.kubernetes.io/pod-name': [name] }),
        ...(uid === undefined ? {} : { 'authentication.kubernetes.io/pod-uid': [uid] }),
      },
    },
  };
}
