/**
 * Packages for Pods that have no way out: a small caching mirror of npm and PyPI on an address that they reach.
 *
 * Where packages come from is this machine's setting (npm and pip are asked); no Pod learns it, since every address in an answer is rewritten to the
 * mirror's. What was fetched once is kept, so tests run on with the registries away. Only packages pass: never a request that changes something,
 * never an address that no registry answer named.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

import { MirrorStore, type Stored } from './mirror-store.ts';
import { configuredRegistries, httpFetcher, type Fetcher, type Registries } from './mirror-upstream.ts';

export interface PackageMirrorOptions {
  /** Default 127.0.0.1. For Pods: `Cluster.hostAddress`. */
  readonly host?: string;
  /** Default: a free one. */
  readonly port?: number;
  /** Where it keeps what it fetched. */
  readonly folder?: string;
  /** Default: what npm and pip of this machine are set to. */
  readonly registries?: Registries;
  readonly fetcher?: Fetcher;
  /** How long a listing of versions is good, milliseconds. Packages themselves never change. */
  readonly listingMs?: number;
  readonly now?: () => number;
}

export interface PackageMirror extends AsyncDisposable {
  /** For NPM_CONFIG_REGISTRY. */
  readonly npm: string;
  /** For PIP_INDEX_URL and UV_DEFAULT_INDEX. */
  readonly pypi: string;
  /** Requests that went on to a registry so far. */
  readonly fetched: number;
  close(): Promise<void>;
}

const listingMs = 12 * 3_600_000;
const accept = {
  npm: 'application/json',
  npmShort: 'application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*',
  pypi: 'application/vnd.pypi.simple.v1+json, text/html; q=0.5',
};

export async function startPackageMirror(options: PackageMirrorOptions = {}): Promise<PackageMirror> {
  const folder = options.folder ?? defaultFolder();
  const store = new MirrorStore(folder, options.now ?? Date.now);
  const fetcher = options.fetcher ?? httpFetcher();
  const mirror = new Mirror(
    store,
    fetcher,
    options.registries ?? (await configuredRegistries()),
    options.listingMs ?? listingMs,
  );
  const server = createServer((request, response) => void mirror.answer(request, response));
  await new Promise<void>((done, fail) => {
    server.once('error', fail).listen(options.port ?? 0, options.host ?? '127.0.0.1', done);
  });
  const { address, port } = server.address() as AddressInfo;
  mirror.own = `http://${address}:${port}`;
  const close = (): Promise<void> =>
    new Promise((done) => {
      server.close(() => done());
      server.closeAllConnections();
    });
  return {
    npm: `${mirror.own}/npm/`,
    pypi: `${mirror.own}/pypi/simple/`,
    get fetched() {
      return mirror.fetched;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

class Mirror {
  own = '';
  fetched = 0;
  readonly #store: MirrorStore;
  readonly #fetcher: Fetcher;
  readonly #registries: Registries;
  readonly #listingMs: number;
  /** Several Pods asking for the same at once cost one fetch. Entries leave when their fetch ends. */
  readonly #underWay = new Map<string, Promise<Stored>>();

  constructor(store: MirrorStore, fetcher: Fetcher, registries: Registries, listingFor: number) {
    this.#store = store;
    this.#fetcher = fetcher;
    this.#registries = registries;
    this.#listingMs = listingFor;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const end = (status: number, type: string, body: Buffer | string): void => {
      response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
      response.end(request.method === 'HEAD' ? undefined : body);
    };
    request.resume();
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return end(405, 'text/plain', 'packages are only read here');
    try {
      const found = await this.#find(new URL(request.url ?? '/', this.own).pathname, String(request.headers.accept));
      if (found === undefined) end(404, 'application/json', '{"error":"not found"}');
      else end(found.status, found.type, found.body);
    } catch (error) {
      end(502, 'text/plain', `the registry of this machine did not answer: ${(error as Error).message}`);
    }
  }

  async #find(path: string, accepts: string): Promise<Stored | undefined> {
    const file = /^\/(?:npm\/-|pypi\/files)\/([0-9a-f]{64})\/[^/]+?(\.metadata)?$/.exec(path);
    if (file !== null) {
      const url = this.#store.address(file[1] ?? '');
      return url === undefined ? undefined : this.#get(url + (file[2] ?? ''), '*/*', Infinity);
    }
    const packages = /^\/npm\/(@[^/]+(?:\/|%2[fF])[^/]+|[^@/-][^/]*)$/.exec(path)?.[1];
    if (packages !== undefined) {
      const short = accepts.includes('install-v1');
      const name = packages.replace('/', '%2f');
      return this.#npm(
        await this.#get(
          new URL(name, this.#registries.npm).href,
          short ? accept.npmShort : accept.npm,
          this.#listingMs,
        ),
      );
    }
    const project = /^\/pypi\/simple\/([A-Za-z0-9._-]+)\/?$/.exec(path)?.[1];
    if (project === undefined) return undefined;
    const url = new URL(`${project}/`, this.#registries.pypi).href;
    return this.#pypi(await this.#get(url, accept.pypi, this.#listingMs), url);
  }

  /** A listing that is too old and cannot be renewed is better than none. */
  async #get(url: string, accepts: string, goodForMs: number): Promise<Stored> {
    const kept = this.#store.read(url, accepts);
    if (kept !== undefined && this.#store.age(kept) <= goodForMs) return kept;
    const key = `${accepts} ${url}`;
    const under = this.#underWay.get(key);
    if (under !== undefined) return under;
    this.fetched += 1;
    const work = this.#fetcher(url, accepts)
      .then((came) => this.#store.write(url, accepts, came))
      .catch((error: unknown) => {
        if (kept !== undefined) return kept;
        throw error;
      })
      .finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, work);
    return work;
  }

  #npm(listing: Stored): Stored {
    if (listing.status !== 200) return listing;
    const body = JSON.parse(listing.body.toString('utf8')) as {
      versions?: Record<string, { dist?: { tarball?: string } }>;
    };
    for (const { dist } of Object.values(body.versions ?? {}))
      if (dist?.tarball !== undefined) dist.tarball = this.#rewritten(dist.tarball, 'npm/-');
    return { ...listing, body: Buffer.from(JSON.stringify(body), 'utf8') };
  }

  #pypi(listing: Stored, url: string): Stored {
    if (listing.status !== 200) return listing;
    const text = listing.body.toString('utf8');
    if (!listing.type.includes('json')) {
      const link = (_: string, given: string): string =>
        `href="${this.#rewrittenLink(given.replaceAll('&amp;', '&'), url)}"`;
      return { ...listing, body: Buffer.from(text.replace(/href="([^"]+)"/g, link), 'utf8') };
    }
    const body = JSON.parse(text) as { files?: { url: string }[] };
    for (const file of body.files ?? []) file.url = this.#rewrittenLink(file.url, url);
    return { ...listing, body: Buffer.from(JSON.stringify(body), 'utf8') };
  }

  /** A link may be relative, and ends in the checksum of the file. Metadata of a wheel is beside it, under its name with an ending. */
  #rewrittenLink(link: string, base: string): string {
    const { href, hash } = new URL(link, base);
    return this.#rewritten(hash === '' ? href : href.slice(0, -hash.length), 'pypi/files') + hash;
  }

  /** Below the address of the registry: npm refuses packages from elsewhere. */
  #rewritten(url: string, place: 'npm/-' | 'pypi/files'): string {
    const name = new URL(url).pathname.split('/').at(-1) ?? '';
    return `${this.own}/${place}/${this.#store.remember(url)}/${name === '' ? 'file' : name}`;
  }
}

function defaultFolder(): string {
  const configured = process.env['XDG_CACHE_HOME'];
  const base = configured !== undefined && isAbsolute(configured) ? configured : join(homedir(), '.cache');
  return join(base, 'quaymaster', 'mirror');
}
