/**
 * The health listener: /livez, /readyz and /metrics on a port of their own, plain HTTP for the kubelet and Prometheus.
 *
 * Live means that the event loop turns and no cache has died: restarting helps against nothing else. Ready means that the caches are warm and
 * the control stream listens; a standby is ready too, or a rolling update would wait for ever. It decides nothing and tells nothing secret.
 */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { type Clock, maskSecrets, QmError } from 'quaymaster/base';

export interface HealthSources {
  /** Why the process should be restarted; empty when it should not. */
  readonly live: () => readonly string[];
  /** Why it is not ready; empty when it is. */
  readonly ready: () => readonly string[];
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
}

export interface HealthListener {
  readonly port: number;
  close(): Promise<void>;
}

export async function startHealthListener(
  address: { readonly host: string; readonly port: number },
  sources: HealthSources,
): Promise<HealthListener> {
  const server = createServer(
    { requestTimeout: 10_000, headersTimeout: 10_000, maxHeaderSize: 8192 },
    (request, response) => {
      request.resume();
      const [path = ''] = (request.url ?? '').split('?');
      if (request.method !== 'GET' && request.method !== 'HEAD') verdict(response, 405, ['only GET is answered here']);
      else if (path === '/livez') verdict(response, 200, sources.live());
      else if (path === '/readyz') verdict(response, 200, sources.ready());
      else if (path === '/metrics') void metrics(response, sources);
      else verdict(response, 404, ['not here: /livez, /readyz and /metrics are']);
    },
  );
  server.maxConnections = 64;
  await listen(server, address);
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

async function metrics(response: ServerResponse, sources: HealthSources): Promise<void> {
  try {
    const text = await sources.metrics.text();
    response.writeHead(200, { 'content-type': sources.metrics.contentType, 'cache-control': 'no-store' }).end(text);
  } catch {
    verdict(response, 500, ['the metrics could not be read']);
  }
}

function verdict(response: ServerResponse, status: number, problems: readonly string[]): void {
  const ok = status === 200 && problems.length === 0;
  const code = status === 200 && !ok ? 503 : status;
  response
    .writeHead(code, { 'content-type': 'application/json', 'cache-control': 'no-store' })
    .end(`${maskSecrets(JSON.stringify({ ok, problems }))}\n`);
}

async function listen(server: Server, { host, port }: { readonly host: string; readonly port: number }): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new QmError('QM_HEALTH_PORT', { host, port, reason: error.code ?? error.message }, error)),
    );
    server.listen(port, host, () => resolve());
  });
}

const beatMs = 250;
const windowMs = 60_000;
const stalledMs = 1000;

/** How long the event loop stood still within the last minute, milliseconds; short waits do not count. */
export function createHeartbeat(clock: Clock): { blockedMs(): number; stop(): void } {
  const stalls: { readonly at: number; readonly ms: number }[] = [];
  let last = clock.monotonic();
  const stop = clock.every(beatMs, () => {
    const now = clock.monotonic();
    const late = now - last - beatMs;
    last = now;
    if (late >= stalledMs) stalls.push({ at: now, ms: late });
    while (stalls[0] !== undefined && stalls[0].at < now - windowMs) stalls.shift();
  });
  return {
    blockedMs() {
      const overdue = Math.max(0, clock.monotonic() - last - beatMs);
      return stalls.reduce((sum, stall) => sum + stall.ms, overdue >= stalledMs ? overdue : 0);
    },
    stop,
  };
}

/** Blocked for more than this within a minute, a leader cannot keep its lease: the process is better started anew. */
export const mostBlockedMs = windowMs / 2;
