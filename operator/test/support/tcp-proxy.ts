/** A TCP proxy that can freeze: connections stay open and nothing passes, as behind a NAT that forgot them or a node that lost power. */
import { connect, createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** Connections made so far, and open now. */
  readonly made: number;
  readonly open: number;
  /** Bytes that came back from the server. */
  readonly bytes: number;
  /** Freezes what is open now; with `refuse` new connections are turned away as well. */
  freeze(options?: { readonly refuse?: boolean }): void;
  /** Breaks what is open now. */
  cut(): void;
  /** New connections pass again; frozen ones stay frozen. */
  thaw(): void;
}

export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const pairs = new Set<{ readonly client: Socket; readonly upstream: Socket }>();
  let made = 0;
  let bytes = 0;
  let refuse = false;
  const server = createServer((client) => {
    if (refuse) {
      client.destroy();
      return;
    }
    made += 1;
    const upstream = connect(targetPort, '127.0.0.1');
    const pair = { client, upstream };
    pairs.add(pair);
    client.pipe(upstream);
    upstream.pipe(client);
    upstream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    const end = (): void => {
      pairs.delete(pair);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      socket.on('error', end);
      socket.on('close', end);
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    get made() {
      return made;
    },
    get bytes() {
      return bytes;
    },
    get open() {
      return pairs.size;
    },
    freeze(options) {
      refuse = options?.refuse === true;
      for (const { client, upstream } of pairs) {
        client.unpipe(upstream);
        upstream.unpipe(client);
        client.pause();
        upstream.pause();
      }
    },
    cut() {
      for (const { client, upstream } of pairs) {
        client.destroy();
        upstream.destroy();
      }
    },
    thaw() {
      refuse = false;
    },
    async [Symbol.asyncDispose]() {
      for (const { client, upstream } of pairs) {
        client.destroy();
        upstream.destroy();
      }
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
