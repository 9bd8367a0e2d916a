import { type KubeClient, KubeError, type KubeObject } from '../../kube/index.ts';

type Stored = KubeObject & { readonly data?: Readonly<Record<string, string>> };

/** One Secret as an API server keeps it: names once, resourceVersions checked. Several clients may share it. */
export interface FakeSecrets {
  secret: Stored | undefined;
  readonly client: KubeClient;
  readonly writes: string[];
  /** Runs before a write is looked at. */
  before: () => void;
  failing: boolean;
}

export function createFakeSecrets(): FakeSecrets {
  let version = 0;
  const store = (object: Stored): Stored => {
    fake.secret = { ...object, metadata: { ...object.metadata, resourceVersion: String(++version) } };
    return fake.secret;
  };
  const refuse = (status: number): never => {
    throw new KubeError('KUBE_STATUS', `HTTP ${status}`, { status });
  };
  const fake: FakeSecrets = {
    secret: undefined,
    writes: [],
    before: () => {},
    failing: false,
    client: {
      async get() {
        if (fake.failing) throw new KubeError('KUBE_NETWORK', 'refused');
        return fake.secret ?? refuse(404);
      },
      async create(_resource: unknown, object: Stored) {
        fake.before();
        if (fake.secret !== undefined) return refuse(409);
        fake.writes.push('create');
        return store(object);
      },
      async replace(_resource: unknown, object: Stored) {
        fake.before();
        if (fake.secret === undefined) return refuse(404);
        if (object.metadata.resourceVersion !== fake.secret.metadata.resourceVersion) return refuse(409);
        fake.writes.push('replace');
        return store(object);
      },
    } as unknown as KubeClient,
  };
  return fake;
}
