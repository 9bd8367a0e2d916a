/**
 * Who this process is towards the API server. Asked before every request and every new connection, so that rotated tokens and
 * certificates take effect without a restart: an in-cluster token lives an hour, and a client that keeps the first one dies with it.
 */
import { readFile } from 'node:fs/promises';

import type { Clock } from 'quaymaster/base';

import { KubeError } from './kube-error.ts';

/** What a TLS connection needs. A changed object means: new connections use it. */
export interface TlsMaterial {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

export interface Credentials {
  /** Value of the Authorization header, or undefined when the certificate speaks. */
  authorization(signal?: AbortSignal): Promise<string | undefined>;
  /** After a 401 for a request that carried `used`: true when there is something else to try now. */
  renew(used: string | undefined, signal?: AbortSignal): Promise<boolean>;
  tls(signal?: AbortSignal): Promise<TlsMaterial>;
}

/** Reads a file as text. Injected, so that tests rotate files without a disk. */
export type ReadText = (path: string) => Promise<string>;

export const readTextFile: ReadText = (path) => readFile(path, 'utf8');

/** Kubelet swaps projected files about every minute and long before the old content ends; client-go re-reads as often. */
const rereadMs = 60_000;

export function fixedCredentials(token: string | undefined, material: TlsMaterial): Credentials {
  const authorization = token === undefined ? undefined : `Bearer ${token}`;
  return {
    authorization: () => Promise.resolve(authorization),
    renew: () => Promise.resolve(false),
    tls: () => Promise.resolve(material),
  };
}

export interface FileCredentialsOptions {
  readonly tokenFile?: string | undefined;
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  /** What is given inline and stays. */
  readonly fixed?: TlsMaterial & { readonly token?: string | undefined };
  readonly clock: Clock;
  readonly read?: ReadText;
}

/** Token and certificates from files, re-read once a minute, and at once after a 401. A file that cannot be read leaves the last good content in use. */
export function fileCredentials(options: FileCredentialsOptions): Credentials {
  const read = options.read ?? readTextFile;
  const cached = (path: string): ((fresh: boolean) => Promise<string>) => cachedFile(path, read, options.clock);
  const token = options.tokenFile === undefined ? undefined : cached(options.tokenFile);
  const ca = options.caFile === undefined ? undefined : cached(options.caFile);
  const cert = options.certFile === undefined ? undefined : cached(options.certFile);
  const key = options.keyFile === undefined ? undefined : cached(options.keyFile);
  let material: TlsMaterial | undefined;
  const bearer = async (fresh: boolean): Promise<string | undefined> => {
    const text = token === undefined ? options.fixed?.token : (await token(fresh)).trim();
    if (text === '') throw new KubeError('KUBE_CONFIG', `the token file ${options.tokenFile} is empty`);
    return text === undefined ? undefined : `Bearer ${text}`;
  };
  const tls = async (fresh: boolean): Promise<TlsMaterial> => {
    const next: TlsMaterial = {
      ca: ca === undefined ? options.fixed?.ca : await ca(fresh),
      cert: cert === undefined ? options.fixed?.cert : await cert(fresh),
      key: key === undefined ? options.fixed?.key : await key(fresh),
    };
    if (material?.ca !== next.ca || material?.cert !== next.cert || material?.key !== next.key) material = next;
    return material ?? next;
  };
  return {
    authorization: () => bearer(false),
    async renew(used) {
      const before = material;
      const now = await bearer(true);
      await tls(true);
      return now !== used || (before !== undefined && before !== material);
    },
    tls: () => tls(false),
  };
}

function cachedFile(path: string, read: ReadText, clock: Clock): (fresh: boolean) => Promise<string> {
  let content: string | undefined;
  let readAt = 0;
  let reading: Promise<string> | undefined;
  const load = async (): Promise<string> => {
    try {
      content = await read(path);
      readAt = clock.monotonic();
      return content;
    } catch (error) {
      if (content !== undefined) return content;
      throw new KubeError('KUBE_CONFIG', `cannot read ${path}`, { cause: error });
    } finally {
      reading = undefined;
    }
  };
  return (fresh) => {
    if (!fresh && content !== undefined && clock.monotonic() - readAt < rereadMs) return Promise.resolve(content);
    reading ??= load();
    return reading;
  };
}
