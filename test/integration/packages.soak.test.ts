/** The real waits of an install: half a minute that `make test` does not have. */
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mcpHub, mcpServer, startHub } from './support/running-hub.ts';

test('HT-1.13 a registry that takes connections and never answers is given up within thirty seconds', async () => {
  const cache = mkdtempSync(join(tmpdir(), 'qm-cache-'));
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => void sockets.add(socket.on('error', () => {})));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const where = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const env = { XDG_CACHE_HOME: cache, npm_config_registry: `http://${where}/`, npm_config_cache: join(cache, 'npm') };
  const source = { npm: { package: 'some-server', version: '1.0.0' } };
  try {
    const begun = performance.now();
    await using hub = await startHub([mcpHub(), mcpServer('x', { source })], { env });
    await hub.program.line(new RegExp(`^x: .*${where} does not answer`), 60_000);
    expect(performance.now() - begun).toBeLessThan(30_000);
  } finally {
    for (const socket of sockets) socket.destroy();
    silent.close();
    rmSync(cache, { recursive: true, force: true });
  }
}, 120_000);
