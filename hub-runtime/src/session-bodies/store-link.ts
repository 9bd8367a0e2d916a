/**
 * One connection to a store that speaks the Redis protocol. Comes back by itself; while it is away everything fails at once, so nobody ever
 * waits for it. The library is loaded with the first store: most hubs have none.
 */
import { isIP } from 'node:net';

import type { Redis } from 'ioredis';

export interface StoreTarget {
  /** `redis:` or `rediss:`. */
  readonly url: string;
  readonly password: string | undefined;
  /** PEM. */
  readonly authority: string | undefined;
}

export interface StoreWrite {
  readonly key: string;
  /** Undefined: what is there stays, for longer. */
  readonly value: string | undefined;
  readonly ttlMs: number;
}

export interface StoreLink {
  readonly ready: boolean;
  get(key: string): Promise<string | undefined>;
  /** All of them, in one round trip. Resolves with the places of those whose value was to stay and is gone. Rejects when it is not certain. */
  write(writes: readonly StoreWrite[]): Promise<readonly number[]>;
  close(): void;
}

export interface StoreLinkEvents {
  up(): void;
  /** `why` holds no address and no secret. */
  down(why: string): void;
}

const connectMs = 2_000;
const commandMs = 2_000;
const firstRetryMs = 100;
const longestRetryMs = 5_000;

export async function openStoreLink(target: StoreTarget, events: StoreLinkEvents): Promise<StoreLink> {
  // By its default: a bundle of what was CommonJS has no other name.
  const { default: library } = await import('ioredis');
  const redis = new library.Redis(optionsOf(target));
  redis.on('ready', () => events.up());
  redis.on('error', (error: Error) => events.down(reasonOf(error)));
  redis.on('close', () => events.down('the connection was closed'));
  redis.connect().catch(() => {
    // Said by the events above; it is tried again.
  });
  return {
    get ready() {
      return redis.status === 'ready';
    },
    get: async (key) => (await inTime(redis, redis.get(key))) ?? undefined,
    async write(writes) {
      const commands = writes.map(({ key, value, ttlMs }) =>
        value === undefined ? ['pexpire', key, `${ttlMs}`] : ['set', key, value, 'PX', `${ttlMs}`],
      );
      const results = (await inTime(redis, redis.pipeline(commands).exec())) ?? [];
      const failed = results.find(([error]) => error !== null)?.[0];
      if (failed !== undefined && failed !== null) throw failed;
      if (results.length !== writes.length) throw new Error('not all was answered');
      return writes.flatMap(({ value }, at) => (value === undefined && results[at]?.[1] !== 1 ? [at] : []));
    },
    close: () => redis.disconnect(),
  };
}

/** Stable words of the protocol and of network libraries; their messages quote addresses and more. */
export function reasonOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code === 'string') return code;
  return /^[A-Z][A-Z_]{2,30}(?= )/.exec(error.message)?.[0] ?? error.name;
}

/** A connection that says nothing any more is given up for another one. */
async function inTime<T>(redis: Redis, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Error && error.message === 'Command timed out') redis.disconnect(true);
    throw error;
  }
}

function optionsOf({ url, password, authority }: StoreTarget) {
  const { protocol, hostname, port, username, pathname } = new URL(url);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return {
    host,
    port: port === '' ? 6379 : Number(port),
    db: pathname.length > 1 ? Number(pathname.slice(1)) : 0,
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === undefined ? {} : { password }),
    ...(protocol === 'rediss:' ? { tls: tlsOf(host, authority) } : {}),
    protocol: 2 as const,
    lazyConnect: true,
    disableClientInfo: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: connectMs,
    commandTimeout: commandMs,
    keepAlive: 10_000,
    retryStrategy: (times: number) => Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(times, 10)),
  };
}

/** An address is no name that a server could be asked for. */
function tlsOf(host: string, authority: string | undefined) {
  return {
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(authority === undefined ? {} : { ca: authority }),
  };
}
