/** An npm registry that does not have anything yet: it answers 404 until `publish`, then as the mirror behind it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { startPackageMirror } from '@quaymaster/cluster';

export interface GatedMirror extends AsyncDisposable {
  readonly npm: string;
  publish(): void;
}

export async function startGatedMirror(host: string): Promise<GatedMirror> {
  const mirror = await startPackageMirror({ host });
  const behind = new URL(mirror.npm).origin;
  let own = '';
  let open = false;
  const answer = async (path: string, accept: string): Promise<{ status: number; type: string; body: Buffer }> => {
    const found = await fetch(new URL(path, behind), { headers: { accept } });
    const type = found.headers.get('content-type') ?? '';
    const body = Buffer.from(await found.arrayBuffer());
    // npm takes packages from its own registry only.
    const here = type.includes('json') ? Buffer.from(body.toString('utf8').replaceAll(behind, own), 'utf8') : body;
    return { status: found.status, type, body: here };
  };
  const gate = createServer((request, response) => {
    const { url = '/', headers } = request;
    if (!open) return void response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"not found"}');
    answer(url, headers.accept ?? '*/*')
      .then(({ status, type, body }) => response.writeHead(status, { 'content-type': type }).end(body))
      .catch((error: unknown) => response.writeHead(502).end(String(error)));
  });
  await new Promise<void>((done, fail) => void gate.once('error', fail).listen(0, host, done));
  const { port } = gate.address() as AddressInfo;
  own = `http://${host}:${port}`;
  return {
    npm: `${own}/npm/`,
    publish: () => (open = true),
    async [Symbol.asyncDispose]() {
      gate.close();
      gate.closeAllConnections();
      await mirror.close();
    },
  };
}
