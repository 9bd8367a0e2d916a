/**
 * A TCP proxy that breaks connections in the ways networks do. Sits between a client and a server of a test;
 * every fault can be changed while connections are open. It never looks at the bytes.
 */
import { createConnection, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

export interface ProxyFaults {
  /** Added before each piece of data, in both directions. */
  latencyMs?: number;
  /** Cap per connection and direction. */
  bytesPerSecond?: number;
  /** The connection is cut (FIN) after this many bytes from the server. */
  cutAfterBytes?: number;
  /** As `cutAfterBytes`, with a reset. */
  resetAfterBytes?: number;
  /** New connections are closed at once. */
  refuse?: boolean;
  /** Nothing is forwarded any more, nothing is closed: what a dead peer behind a firewall looks like. */
  halfOpen?: boolean;
}

export interface FaultProxy extends AsyncDisposable {
  readonly port: number;
  /** The target's URL, through the proxy. */
  readonly url: string;
  readonly connections: number;
  /** Connections accepted so far. */
  readonly accepted: number;
  /** Bytes forwarded to the client so far. */
  readonly forwarded: number;
  /** Replaces all faults; `{}` heals. */
  set(faults: ProxyFaults): void;
  /** Resets every open connection now. */
  resetAll(): void;
  /** Closes the port: new connections get ECONNREFUSED. Open ones stay. */
  stopListening(): Promise<void>;
  listenAgain(): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** Called when the faults change, so that what waited under `halfOpen` flows again. */
  wake: (() => void)[];
}

export async function startFaultProxy(target: string | URL, initial: ProxyFaults = {}): Promise<FaultProxy> {
  const to = new URL(target);
  const pairs = new Set<Pair>();
  const timers = new Set<NodeJS.Timeout>();
  let faults = initial;
  let accepted = 0;
  let forwarded = 0;

  const listener = createServer({ allowHalfOpen: true }, (client) => {
    accepted += 1;
    if (faults.refuse === true) {
      client.destroy();
      return;
    }
    const server = createConnection({ host: to.hostname, port: Number(to.port), allowHalfOpen: true });
    const pair: Pair = { client, server, wake: [] };
    pairs.add(pair);
    pump(pair, client, server, () => undefined);
    let fromServer = 0;
    pump(pair, server, client, (bytes) => {
      forwarded += bytes;
      fromServer += bytes;
      if (faults.resetAfterBytes !== undefined && fromServer >= faults.resetAfterBytes) {
        client.resetAndDestroy();
        server.destroy();
      } else if (faults.cutAfterBytes !== undefined && fromServer >= faults.cutAfterBytes) {
        client.end();
        client.destroySoon();
        server.destroy();
      }
    });
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        pairs.delete(pair);
        if (faults.halfOpen === true) return;
        (socket === client ? server : client).destroy();
      });
    }
  });

  /** One direction. Pieces go in order; the next is read when the last has been written, so memory stays bounded. */
  function pump(pair: Pair, from: Socket, into: Socket, passed: (bytes: number) => void): void {
    from.on('data', (chunk: Buffer) => {
      from.pause();
      void forward(chunk).then(() => from.resume());
    });
    from.on('end', () => void flowing().then(() => into.end()));

    async function forward(chunk: Buffer): Promise<void> {
      await flowing();
      if (faults.latencyMs !== undefined) await sleep(faults.latencyMs);
      const limit = pieceLimit(chunk.length);
      for (let at = 0; at < chunk.length && !into.destroyed; at += limit) {
        await flowing();
        const piece = chunk.subarray(at, Math.min(at + limit, chunk.length));
        if (faults.bytesPerSecond !== undefined) await sleep((piece.length / faults.bytesPerSecond) * 1000);
        if (!into.write(piece)) await drained(into);
        passed(piece.length);
      }
    }

    async function flowing(): Promise<void> {
      while (faults.halfOpen === true) await new Promise<void>((resolve) => pair.wake.push(resolve));
    }
  }

  /** Small enough that a cut falls where it was asked for, and that a slow line is slow all along. */
  function pieceLimit(length: number): number {
    const cut = faults.cutAfterBytes ?? faults.resetAfterBytes ?? length;
    const slow = faults.bytesPerSecond === undefined ? length : Math.ceil(faults.bytesPerSecond / 20);
    return Math.max(1, Math.min(length, cut, slow));
  }

  function sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        timers.delete(timer);
        resolve();
      }, ms);
      timers.add(timer);
    });
  }

  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      listener.once('error', reject);
      listener.listen(port, '127.0.0.1', () => {
        listener.off('error', reject);
        resolve();
      });
    });
  await listen(0);
  const { port } = listener.address() as AddressInfo;
  const resetAll = (): void => {
    for (const pair of pairs) {
      pair.client.resetAndDestroy();
      pair.server.destroy();
    }
  };
  const stopListening = (): Promise<void> =>
    new Promise((resolve) => {
      if (!listener.listening) {
        resolve();
        return;
      }
      // 'close' waits for open connections, which are to stay: the port itself is closed at once.
      listener.close();
      resolve();
    });
  return {
    port,
    url: `http://127.0.0.1:${port}${to.pathname}`,
    get connections() {
      return pairs.size;
    },
    get accepted() {
      return accepted;
    },
    get forwarded() {
      return forwarded;
    },
    set(next) {
      faults = next;
      for (const pair of pairs) {
        for (const resume of pair.wake.splice(0)) resume();
      }
    },
    resetAll,
    stopListening,
    listenAgain: () => (listener.listening ? Promise.resolve() : listen(port)),
    async [Symbol.asyncDispose]() {
      faults = {};
      for (const timer of timers) clearTimeout(timer);
      await stopListening();
      resetAll();
    },
  };
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
    if (socket.destroyed) done();
  });
}
