/**
 * A child that listens on a port of its own (a `command` source with transport `streamableHttp`): started, and waited for until the port
 * takes connections. Who talks to it over HTTP is not decided here.
 *
 * The port is tried first: one that already answers belongs to somebody else, and calls (with their data) would go to a stranger.
 */
import { connect } from 'node:net';

import { type Child, type ChildDeps, ChildError, type ChildSpec } from './child.ts';
import { startChild } from './start-child.ts';

const tryEveryMs = 25;

export interface ListeningOptions {
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
}

export async function startListeningChild(
  spec: ChildSpec,
  options: ListeningOptions,
  deps: ChildDeps,
  signal: AbortSignal,
): Promise<Child> {
  const { host, port, timeoutMs } = options;
  if (await answers(host, port)) {
    const message = `port ${port} is already taken by another process; stop it, or change spec.http.port and the server's own setting`;
    throw new ChildError('PortInUse', message, true);
  }
  const child = await startChild(spec, { ...deps, stdout: 'log' });
  const deadline = deps.clock.monotonic() + timeoutMs;
  for (;;) {
    if (child.exit !== undefined) throw new ChildError('Exited', `the server ${child.exit.message}`, true);
    if (await answers(host, port)) return child;
    if (signal.aborted || deps.clock.monotonic() >= deadline) {
      await child.stop(0);
      const words = child.stderrTail().at(-1);
      const message = `the server did not listen on port ${port} within ${timeoutMs} ms${words === undefined ? '' : `: ${words}`}`;
      throw new ChildError('StartTimeout', message, true);
    }
    await new Promise<void>((resolve) => deps.clock.after(tryEveryMs, resolve));
  }
}

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const done = (open: boolean): void => {
      socket.destroy();
      resolve(open);
    };
    socket.setTimeout(1_000, () => done(false));
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
  });
}
