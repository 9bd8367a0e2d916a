import { createServer } from 'node:net';

import type { Ports } from './world.ts';

/** A TCP port nobody has at this moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/** One for each server of the world that listens itself. */
export async function freePorts(): Promise<Ports> {
  return { legacy: await freePort(), modern: await freePort(), sse: await freePort(), socket: await freePort() };
}
