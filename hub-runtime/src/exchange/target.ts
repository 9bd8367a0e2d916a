/** Where a server really is, resolved by the driver (local processes or cluster addresses) from its ServerConfig. */
import type { ServerConfig } from '@quaymaster/crds';

/** What was installed for a target, for status. */
export interface TargetPackage {
  readonly version: string;
  /** Hash over the whole resolved dependency tree. */
  readonly lockHash: string;
}

export type ServerTarget =
  | {
      readonly kind: 'stdio';
      /** Absolute path or a name looked up on PATH of `env`. Run directly, never through a shell. */
      readonly command: string;
      readonly args: readonly string[];
      /** The complete environment of the child; nothing is inherited beside it. */
      readonly env: Readonly<Record<string, string>>;
      readonly cwd: string | undefined;
      /** Values of secrets in `env`: hidden in all that the child writes beside messages. */
      readonly secrets?: readonly string[];
      readonly package?: TargetPackage;
    }
  | {
      readonly kind: 'http';
      readonly url: string;
      readonly headers: Readonly<Record<string, string>>;
      /** Where its replicas are, when somebody knows (a cluster). Absent: `url` is all there is. */
      readonly endpoints?: EndpointFeed;
      /** Behind a bridge: it is told for whom each request is (an opaque key), so that it can give callers a child of their own. */
      readonly bridged?: boolean;
      /** A process to run beside it (command sources that listen themselves). */
      readonly process?: {
        readonly command: string;
        readonly args: readonly string[];
        readonly env: Readonly<Record<string, string>>;
        readonly cwd: string | undefined;
        readonly secrets?: readonly string[];
      };
    };

/**
 * The replicas behind one URL. `url` gives path and scheme; a request goes to the address of one of these.
 *
 * A Service would spread requests as well, but a legacy session belongs to one replica, and one that ends has to be left before it is gone.
 */
export interface EndpointFeed {
  /** Undefined: nobody has said yet, `url` is used. Empty: there are none, calls wait for one. */
  readonly current: readonly Endpoint[] | undefined;
  subscribe(listener: () => void): () => void;
}

export interface Endpoint {
  /** `host:port`, IPv6 in brackets. */
  readonly address: string;
  /** `draining` keeps what it has and gets nothing new; `starting` gets no calls, but can be asked why it is not ready. */
  readonly state: 'ready' | 'draining' | 'starting';
}

/** What could not be resolved, as a condition: reason from the table of @quaymaster/crds, and whether trying again later may help. */
export class TargetError extends Error {
  readonly reason: string;
  readonly retryable: boolean;

  constructor(reason: string, message: string, retryable: boolean) {
    super(message);
    this.name = 'TargetError';
    this.reason = reason;
    this.retryable = retryable;
  }
}

export interface TargetResolver {
  /** Installs, resolves secrets and roots. `progress` gets short human lines ("installing mcp-server-time 2026.8.1"). Rejects with TargetError. */
  resolve(server: ServerConfig, progress: (line: string) => void, signal: AbortSignal): Promise<ServerTarget>;
}
