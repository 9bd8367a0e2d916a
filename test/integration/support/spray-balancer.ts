/**
 * What stands in front of replicas in a cluster, at its worst: every request goes to the next one, whatever session it belongs to. Knows
 * nothing of MCP. One that is taken out (not ready any more) keeps the requests it has.
 */
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SprayBalancer extends AsyncDisposable {
  readonly url: string;
  /** Requests that could not be passed on. */
  readonly failures: readonly string[];
  /** Requests under way at one of them, taken out or not. */
  inFlight(url: string): number;
  use(urls: readonly string[]): void;
}

export async function startSprayBalancer(): Promise<SprayBalancer> {
  const agent = new Agent({ keepAlive: true, maxSockets: 2_000 });
  const failures: string[] = [];
  let targets: readonly URL[] = [];
  let turn = 0;
  const underWay = new Map<string, number>();
  const server = createServer((from, answer) => {
    const target = targets[turn++ % targets.length];
    if (target === undefined) {
      answer.writeHead(503).end();
      return;
    }
    const { hostname, port, pathname, host } = target;
    underWay.set(host, (underWay.get(host) ?? 0) + 1);
    const to = request({
      agent,
      hostname,
      port,
      path: pathname,
      method: from.method,
      headers: { ...from.headers, host },
    });
    to.on('response', (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      answer.flushHeaders();
      response.on('error', () => answer.destroy());
      response.on('aborted', () => answer.destroy());
      response.pipe(answer);
    });
    to.on('error', (error) => {
      failures.push(`${from.method} to ${host}: ${String(error)}`);
      answer.destroy();
    });
    answer.on('close', () => {
      underWay.set(host, (underWay.get(host) ?? 0) - 1);
      to.destroy();
    });
    from.pipe(to);
  });
  // Clients that pause for a while must not find their connection just being closed.
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    failures,
    inFlight: (url) => underWay.get(new URL(url).host) ?? 0,
    use: (urls) => void (targets = urls.map((url) => new URL(url))),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      agent.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
