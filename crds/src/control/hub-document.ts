/**
 * What the operator hands a hub: its HubConfig, and where in the cluster its servers are.
 *
 * The same document travels in the config Secret (gzip, the last good one when the operator is away) and on the control stream. It holds no
 * secret value: a reference to one is the key under which the value stands in the credentials Secret (`credentialKey`).
 */
import { contentHash } from '../compile/index.ts';
import type { HubConfig } from '../hub-config/index.ts';

export interface HubDocument {
  readonly version: 1;
  /** Rises by one with each different content; the number in `observedConfig`. The identity is `hash`. */
  readonly generation: number;
  /** Over everything but `generation` and itself. */
  readonly hash: string;
  readonly config: HubConfig;
  /** By server key; one entry for each server of `config`. */
  readonly addresses: Readonly<Record<string, ServerAddress>>;
  /** Names under which clients may reach the hub (`name` or `name:port`), beside loopback and the Pod's own address. */
  readonly hosts: readonly string[];
}

export interface ServerAddress {
  /** The Service, or the URL of a remote server. Used while no endpoints have come over the stream. */
  readonly url: string;
  /** Present for servers behind a bridge: the credential to send as `Authorization: Bearer`. */
  readonly bridgeToken?: string;
  /** Runs in Pods of the cluster, so endpoints come over the stream. */
  readonly inCluster: boolean;
}

export function hubDocument(content: Omit<HubDocument, 'version' | 'hash'>): HubDocument {
  const { generation, config, addresses, hosts } = content;
  return { version: 1, generation, hash: contentHash([config.hash, addresses, hosts]), config, addresses, hosts };
}

/** Files of the Secrets a hub mounts. */
export const hubSecretFiles = {
  /** In `<hub>-config`: the document, gzip; and the certificate authority of the control stream, PEM. */
  document: 'document.json.gz',
  authority: 'ca.crt',
  /** In `<hub>-sealing`: 32 bytes each. `previous` only while a rotation lasts; it opens and never seals. */
  sealingKey: 'current',
  previousSealingKey: 'previous',
} as const;

/** Files of the bridge's Secret: what callers present, and what they presented until a rotation. */
export const bridgeSecretFiles = { token: 'token', previous: 'previous' } as const;

/** Largest document, compressed (a Secret holds 1 MiB). Beyond it the last good one stays. */
export const maxDocumentBytes = 900 * 1_024;

/** The key of one referenced value in the credentials Secret: says nothing about name or value. */
export function credentialKey(namespace: string, secret: string, key: string): string {
  return contentHash(['Secret', namespace, secret, key]);
}
