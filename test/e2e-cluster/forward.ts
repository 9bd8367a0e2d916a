/** `kubectl port-forward` to the Service of a hub: the way in that needs nothing else. */
import type { Cluster } from '@quaymaster/cluster';

import { spawnProgram } from '../kit/index.ts';

export interface Forward extends AsyncDisposable {
  /** Of the MCP endpoint. */
  readonly url: string;
}

export async function forwardTo(cluster: Pick<Cluster, 'env'>, hub: string, namespace = 'default'): Promise<Forward> {
  const words = ['-n', namespace, 'port-forward', `service/${hub}-hub`, ':80'];
  const program = spawnProgram('kubectl', words, { env: { ...process.env, ...cluster.env } });
  const line = await program.line(/^Forwarding from 127\.0\.0\.1:\d+/, 30_000);
  const port = /:(\d+) ->/.exec(line)?.[1] ?? '';
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    async [Symbol.asyncDispose]() {
      program.kill('SIGTERM');
      await program[Symbol.asyncDispose]();
    },
  };
}
