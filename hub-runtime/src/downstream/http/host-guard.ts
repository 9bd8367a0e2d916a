/**
 * Host and Origin of every request, checked before any work (HS-07; 2026-07-28 and 2025-11-25 transports, DNS rebinding).
 *
 * A page on a foreign site can point its own name at 127.0.0.1 and then talk to a local hub as "same origin": only the Host header
 * gives it away. Allowed are the bound host and the loopback names, each with the real port, plus what the operator names. A hub bound
 * to all interfaces also takes IP literals: a literal cannot be rebound. A request without Origin comes from no web page.
 */
import { isIP } from 'node:net';

export interface GuardOptions {
  /** Address the listener is bound to. */
  readonly host: string;
  /**
   * Extra names, `name` (any port) or `name:port`. `*.name` stands for one or more labels before it, `*` for every name: what a Gateway or Ingress in
   * front lets through then decides alone.
   */
  readonly allowedHosts: readonly string[];
  /** Extra origins, exact: `https://inspector.example.com`. */
  readonly allowedOrigins: readonly string[];
}

const loopback = ['localhost', '127.0.0.1', '[::1]'];
/** Labels as DNS has them; a name of another shape matches no pattern. */
const hostName = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const wildcards = new Set(['0.0.0.0', '::', '[::]', '']);

export class HostGuard {
  /** The listener's own names, then those that were named with a port, then those without. */
  readonly #own = new Set<string>();
  #hosts: ReadonlySet<string> = new Set();
  #anyPort: ReadonlySet<string> = new Set();
  /** `.name` of each `*.name`. */
  #suffixes: readonly string[] = [];
  #everyName = false;
  readonly #origins: Set<string>;
  readonly #literals: boolean;
  readonly #bound: readonly string[];
  #port = '';

  constructor(options: GuardOptions) {
    const host = bracketed(options.host.toLowerCase());
    this.#literals = wildcards.has(options.host);
    this.#bound = this.#literals ? loopback : [...loopback, host];
    this.#origins = new Set(options.allowedOrigins.map((origin) => origin.toLowerCase()));
    this.allow(options.allowedHosts);
  }

  /** Replaces the extra names. */
  allow(hosts: readonly string[]): void {
    const names = hosts.map((entry) => entry.toLowerCase());
    const hasPort = (name: string): boolean => splitPort(name).port !== undefined;
    this.#hosts = new Set(names.filter(hasPort));
    this.#anyPort = new Set(names.filter((name) => !hasPort(name)).map(bracketed));
    this.#suffixes = names.filter((name) => name.startsWith('*.')).map((name) => name.slice(1));
    this.#everyName = names.includes('*');
  }

  /** The real port, known once the socket listens. */
  listeningOn(port: number): void {
    this.#port = `${port}`;
    for (const name of this.#bound) {
      this.#own.add(`${name}:${port}`);
      if (port === 80) this.#own.add(name);
      this.#origins.add(port === 80 ? `http://${name}` : `http://${name}:${port}`);
    }
  }

  allowsHost(header: string | undefined): boolean {
    if (header === undefined) return false;
    if (this.#own.has(header) || this.#hosts.has(header)) return true;
    const host = header.toLowerCase();
    if (this.#own.has(host) || this.#hosts.has(host)) return true;
    const { name, port } = splitPort(host);
    if (this.#isNamed(name)) return port === undefined || /^[0-9]{1,5}$/.test(port);
    return this.#literals && (port ?? '80') === this.#port && isIP(name.replace(/^\[|\]$/g, '')) !== 0;
  }

  #isNamed(name: string): boolean {
    if (this.#anyPort.has(name)) return true;
    if (!this.#everyName && this.#suffixes.length === 0) return false;
    if (!hostName.test(name)) return false;
    return this.#everyName || this.#suffixes.some((suffix) => name.length > suffix.length && name.endsWith(suffix));
  }

  allowsOrigin(header: string): boolean {
    return this.#origins.has(header) || this.#origins.has(header.toLowerCase());
  }
}

function bracketed(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host;
}

/** `name:port`, `[v6]:port` or either without port. */
function splitPort(host: string): { readonly name: string; readonly port: string | undefined } {
  const colon = host.lastIndexOf(':');
  if (colon < 0 || host.endsWith(']') || isIP(host) === 6) return { name: host, port: undefined };
  return { name: host.slice(0, colon), port: host.slice(colon + 1) };
}
