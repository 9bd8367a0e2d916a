/**
 * Ports for programs that have to be told where to listen.
 *
 * Where the system chooses (port 0, and the near end of every connection that is opened) it takes from 32768 on, and gives a port out again as
 * soon as it is free. Beside suites that open thousands of connections such a port may be gone before the program has started. So these are
 * below that range, where only who names a port gets it, and below the NodePorts of clusters.
 */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

const lowest = 11_000;
const highest = 30_000;
const mostTries = 100;

/** A TCP port nobody has at this moment. */
export async function freePort(
  host = '127.0.0.1',
  random: (min: number, max: number) => number = randomInt,
): Promise<number> {
  for (let tries = 0; tries < mostTries; tries++) {
    const port = random(lowest, highest);
    if (await isFree(port, host)) return port;
  }
  throw new Error(`${mostTries} ports of ${host} are taken`);
}

function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, host, () => probe.close(() => resolve(true)));
  });
}
