/**
 * The one hub of a replica: document and credentials in, upstreams, paths and allowed hosts out.
 *
 * Every change goes through `HubHost.apply`, whether a document or a value behind a reference changed: so there is one way to take something
 * over, and it loses no call. What it is given is complete each time.
 */
import { randomBytes } from 'node:crypto';

import type { HubDocument, ServerAddress } from '@quaymaster/crds';

import type { HubHost } from '../config/index.ts';
import { type MutableHubDirectory, withValueDigests } from '../driver/index.ts';
import type { HubPort, TargetResolver } from '../exchange/index.ts';
import { createClusterTargets, usedBy } from './cluster-targets.ts';
import type { Credentials } from './credentials.ts';
import { Documents, type Verdict } from './documents.ts';
import type { EndpointBook } from './endpoint-book.ts';

export interface ReplicaHubDeps {
  /** `<namespace>/<name>`. */
  readonly key: string;
  readonly host: () => HubHost;
  readonly directory: MutableHubDirectory;
  readonly credentials: Credentials;
  readonly endpoints: EndpointBook;
  /** After each document that was taken over. */
  applied(document: HubDocument): void;
}

const digestKeyBytes = 32;

export class ReplicaHub {
  readonly targets: TargetResolver;
  readonly #deps: ReplicaHubDeps;
  readonly #documents: Documents;
  /** For this process only: what is told apart with it never leaves. */
  readonly #digestKey = randomBytes(digestKeyBytes);
  /** Of the document that is being taken over, then of the one that runs. */
  #addresses: HubDocument['addresses'] = {};

  constructor(deps: ReplicaHubDeps) {
    this.#deps = deps;
    this.#documents = new Documents(deps.key, (document) => this.#apply(document));
    this.targets = createClusterTargets({
      address: (server) => this.#address(server),
      credential: (key) => deps.credentials.get(key),
      feed: (server) => deps.endpoints.feed(server),
      heard: () => deps.endpoints.heard,
    });
  }

  get document(): HubDocument | undefined {
    return this.#documents.running;
  }

  get port(): HubPort | undefined {
    return this.#deps.host().hub(this.#deps.key);
  }

  offer(document: HubDocument, from: 'mount' | 'stream'): Verdict {
    return this.#documents.offer(document, from);
  }

  /** Values behind references changed: servers that use them are replaced. */
  credentialsChanged(): void {
    const { document } = this;
    if (document !== undefined) this.#apply(document);
  }

  #apply(document: HubDocument): void {
    const { credentials, directory, endpoints, host } = this.#deps;
    const { config, addresses } = document;
    const configs = withValueDigests(
      [config],
      (server) => usedBy(server, addresses[server.key], (key) => credentials.get(key)),
      this.#digestKey,
    );
    const before = this.#addresses;
    this.#addresses = addresses;
    try {
      host().apply(configs);
    } catch (error) {
      this.#addresses = before;
      throw error;
    }
    endpoints.keep(new Set(config.servers.map(({ key }) => key)));
    directory.replace(configs, (key) => host().hub(key));
    this.#deps.applied(document);
  }

  #address(server: string): ServerAddress | undefined {
    return Object.hasOwn(this.#addresses, server) ? this.#addresses[server] : undefined;
  }
}
