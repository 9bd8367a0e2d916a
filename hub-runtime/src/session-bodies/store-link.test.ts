/** The connection to a store, against a few lines that speak as much of the Redis protocol as it needs. The real server is in the integration tests. */
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

import { afterEach, expect, test } from 'vitest';

import { openStoreLink, type StoreLink, type StoreTarget } from './store-link.ts';

interface Store {
  readonly url: string;
  readonly port: number;
  readonly seen: string[][];
  readonly values: Map<string, string>;
  failing: boolean;
  drop(): void;
}

const servers: Server[] = [];
const links: StoreLink[] = [];
const sockets = new Set<Socket>();

afterEach(async () => {
  for (const link of links.splice(0)) link.close();
  for (const socket of sockets) socket.destroy();
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

const bulk = (text: string | undefined): string =>
  text === undefined ? '$-1\r\n' : `$${Buffer.byteLength(text)}\r\n${text}\r\n`;

async function startStore(): Promise<Store> {
  const store = { seen: [] as string[][], values: new Map<string, string>(), failing: false };
  const answer = ([name = '', key = '', value = '']: string[]): string => {
    if (store.failing && name !== 'info') return '-OOM command not allowed\r\n';
    if (name === 'info') return bulk('redis_version:7.0.0\r\nloading:0\r\n');
    if (name === 'get') return bulk(store.values.get(key));
    if (name === 'pexpire') return `:${store.values.has(key) ? 1 : 0}\r\n`;
    if (name === 'set') store.values.set(key, value);
    return '+OK\r\n';
  };
  const server = createServer((socket) => {
    sockets.add(socket);
    let text = '';
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      for (let command = take(); command !== undefined; command = take()) {
        store.seen.push(command);
        socket.write(answer([(command[0] ?? '').toLowerCase(), ...command.slice(1)]));
      }
    });
    const take = (): string[] | undefined => {
      const lines = text.split('\r\n');
      const count = Number(lines[0]?.slice(1));
      if (!(count > 0) || lines.length < 2 + count * 2) return undefined;
      text = lines.slice(1 + count * 2).join('\r\n');
      return lines.slice(1, 1 + count * 2).filter((_line, at) => at % 2 === 1);
    };
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(store, {
    port,
    url: `redis://hub@127.0.0.1:${port}/3`,
    drop: () => {
      for (const socket of sockets) socket.destroy();
    },
  });
}

async function open(target: Partial<StoreTarget> & { url: string }): Promise<{ link: StoreLink; said: string[] }> {
  const said: string[] = [];
  const events = { up: () => said.push('up'), down: (why: string) => said.push(why) };
  const link = await openStoreLink({ password: undefined, authority: undefined, ...target }, events);
  links.push(link);
  return { link, said };
}

async function until(what: () => boolean): Promise<void> {
  const end = performance.now() + 8_000;
  while (!what()) {
    if (performance.now() > end) throw new Error(`not in time: ${what.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('EF-30 says who it is and which database it wants, then writes and reads', async () => {
  const store = await startStore();
  const { link, said } = await open({ url: store.url, password: 'sesame' });
  await until(() => link.ready);
  expect(said).toEqual(['up']);
  expect(store.seen.slice(0, 2)).toEqual(
    expect.arrayContaining([
      ['auth', 'hub', 'sesame'],
      ['select', '3'],
    ]),
  );
  const lost = await link.write([
    { key: 'a', value: 'x', ttlMs: 7 },
    { key: 'a', value: undefined, ttlMs: 8 },
    { key: 'gone', value: undefined, ttlMs: 9 },
  ]);
  expect([lost, await link.get('a'), await link.get('none')]).toEqual([[2], 'x', undefined]);
  expect(store.seen).toContainEqual(['set', 'a', 'x', 'PX', '7']);
  store.failing = true;
  await expect(link.write([{ key: 'b', value: 'y', ttlMs: 1 }])).rejects.toThrow('OOM');
});

test('EF-30 while it is away everything fails at once, and it comes back by itself', async () => {
  const store = await startStore();
  const { link, said } = await open({ url: store.url });
  await until(() => link.ready);
  store.drop();
  await until(() => !link.ready);
  const from = performance.now();
  await expect(link.get('a')).rejects.toThrow();
  await expect(link.write([{ key: 'a', value: 'x', ttlMs: 1 }])).rejects.toThrow();
  expect(performance.now() - from).toBeLessThan(1_000);
  await until(() => link.ready);
  expect([said[0], said.at(-1)]).toEqual(['up', 'up']);
});

test('one that speaks no TLS, or is not there, is said with a stable word', async () => {
  const store = await startStore();
  const tls = await open({ url: `rediss://localhost:${store.port}`, authority: 'no certificate' });
  const gone = await open({ url: 'redis://[::1]:1' });
  await until(() => tls.said.length > 0 && gone.said.length > 0);
  expect(tls.link.ready || gone.link.ready).toBe(false);
  for (const why of [...tls.said, ...gone.said]) expect(why).not.toMatch(/localhost|::1|:\d/);
});
