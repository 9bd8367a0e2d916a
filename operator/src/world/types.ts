/** What the operator knows of a cluster: the shapes of what is kept, and the questions it answers. */
import type { Compiled, HubOutcome, ServerOutcome } from '@quaymaster/crds';

import type { KubeObject, StoreReader } from '../kube/index.ts';

/** Of a Pod only what says how it does and where it is. */
export interface Pod extends KubeObject {
  readonly spec?: { readonly nodeName?: string; readonly containers?: readonly { readonly name: string }[] };
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly ObjectCondition[];
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
  };
}

export interface ContainerStatus {
  readonly name: string;
  readonly image?: string;
  readonly ready?: boolean;
  readonly restartCount?: number;
  readonly state?: ContainerState;
  readonly lastState?: ContainerState;
}

export interface ContainerState {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly running?: { readonly startedAt?: string };
  readonly terminated?: { readonly reason?: string; readonly message?: string; readonly exitCode?: number };
}

/** As most kinds have it in their status. */
export interface ObjectCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

export interface Deployment extends KubeObject {
  readonly spec?: { readonly replicas?: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly readyReplicas?: number;
    readonly availableReplicas?: number;
    readonly conditions?: readonly ObjectCondition[];
  };
  /** Not of the API server: who else decides on `spec.replicas`, found in `managedFields` before these are dropped. */
  readonly replicasOwner?: string;
}

export interface EndpointSlice extends KubeObject {
  readonly addressType?: string;
  readonly endpoints?:
    | readonly {
        readonly addresses?: readonly string[];
        readonly conditions?: {
          readonly ready?: boolean | null;
          readonly serving?: boolean | null;
          readonly terminating?: boolean | null;
        };
        readonly targetRef?: { readonly kind?: string; readonly name?: string; readonly uid?: string };
      }[]
    | null;
  readonly ports?: readonly { readonly name?: string; readonly port?: number | null }[] | null;
}

/**
 * Caches of every kind. Indexes: `owner` (uid of the controlling owner) and `server` (`<namespace>/<name>` by label) on what servers and hubs own,
 * Secrets included; `server` and `hub` on Pods; `service` (`<namespace>/<name>`) on EndpointSlices; `reference` (`Secret/<namespace>/<name>`) on McpServers.
 */
export interface Stores {
  readonly servers: StoreReader<KubeObject>;
  readonly hubs: StoreReader<KubeObject>;
  readonly deployments: StoreReader<Deployment>;
  readonly services: StoreReader<KubeObject>;
  readonly serviceAccounts: StoreReader<KubeObject>;
  readonly disruptionBudgets: StoreReader<KubeObject>;
  readonly networkPolicies: StoreReader<KubeObject>;
  readonly ingresses: StoreReader<KubeObject>;
  readonly httpRoutes: StoreReader<KubeObject>;
  readonly endpointSlices: StoreReader<EndpointSlice>;
  readonly pods: StoreReader<Pod>;
  /** Metadata only. */
  readonly secrets: StoreReader<KubeObject>;
  /** Metadata only. */
  readonly configMaps: StoreReader<KubeObject>;
}

/** One compilation of all servers and hubs of a namespace. */
export interface NamespaceView {
  readonly compiled: Compiled;
  server(name: string): ServerOutcome | undefined;
  hub(name: string): HubOutcome | undefined;
}

/** What is known of a referenced Secret or ConfigMap. Its values are not kept. */
export interface KnownObject {
  /** Names of its keys. */
  readonly keys: ReadonlySet<string>;
  /** Hash of its content under a key of this installation: equal contents have equal hashes, and nothing can be guessed from one. */
  readonly checksum: string;
}

export type CompanionKind = 'Secret' | 'ConfigMap';

export interface World {
  readonly stores: Stores;
  /**
   * The newest complete view, or undefined while the first one waits for referenced objects to be read. It may be older than the caches for
   * some tens of milliseconds: compare `outcome.object.metadata` (uid, generation) with the cached object before acting on it. When it
   * changes, `onChange` tells.
   */
  namespace(namespace: string): NamespaceView | undefined;
  /** Checksums of referenced objects by `Secret/<name>` and `ConfigMap/<name>`, bridge tokens included. */
  checksums(namespace: string): Readonly<Record<string, string>>;
  known(kind: CompanionKind, namespace: string, name: string): KnownObject | undefined;
  /** Read from the API server now, never kept. Undefined: no such Secret. */
  secretValues(
    namespace: string,
    name: string,
    signal?: AbortSignal,
  ): Promise<Readonly<Record<string, Buffer>> | undefined>;
  /**
   * Hears the key of a server or hub whose outcome changed (or came, or went), or whose referenced values did. For a hub these are the values
   * of all servers it offers. Hears of everything once when the world gets ready.
   */
  onChange(kind: 'server' | 'hub', listener: (key: string, initial: boolean) => void): () => void;
  /** This cluster serves HTTPRoutes (now). */
  readonly gatewayServed: boolean;
  /** Runs by itself on the leader, before the first reconcile: referenced objects are read, every namespace is compiled. */
  whenReady(signal?: AbortSignal): Promise<void>;
}
