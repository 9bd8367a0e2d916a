/** An API server and who we are there. Made by `inClusterEndpoint` or `loadKubeconfig`, or by hand in tests. */
import type { Credentials } from './credentials.ts';

export interface Endpoint {
  /** URL of the API server; a path is a prefix of every request (as some proxies want it). */
  readonly server: string;
  readonly credentials: Credentials;
  /** Name to expect in the server's certificate, when it differs from the URL. */
  readonly serverName?: string | undefined;
  /** Accepts any certificate. Only ever set when somebody said so. */
  readonly insecure?: boolean | undefined;
  /** More headers of every request, such as impersonation; several values stay several headers. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Namespace to use where none is named. */
  readonly namespace: string;
}
