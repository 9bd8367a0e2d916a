/** A real server of the Redis protocol on a free port, with nothing on disk. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import { freePort, until } from '../../kit/index.ts';

export interface RedisServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** On the same port, empty. */
  start(): Promise<void>;
  /** It runs and answers nothing. */
  pause(): void;
  resume(): void;
  /** One command, its answer as `redis-cli --raw` shows it. */
  cli(...args: string[]): Promise<string>;
}

export async function startRedis(options: { args?: readonly string[] } = {}): Promise<RedisServer> {
  const port = await freePort();
  let child: ChildProcess | undefined;
  const run = async (): Promise<void> => {
    const fixed = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--daemonize', 'no'];
    const started = spawn('redis-server', [...fixed, ...(options.args ?? [])], { stdio: 'ignore' });
    started.on('error', () => {});
    child = started;
    await until(async () => /PONG|NOAUTH|DENIED/.test(await server.cli('ping')), {
      because: 'redis-server answers (Debian package redis-server)',
      timeoutMs: 10_000,
    });
  };
  const server: RedisServer = {
    port,
    url: `redis://127.0.0.1:${port}`,
    async kill() {
      const ending = child;
      child = undefined;
      if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
      ending.kill('SIGKILL');
      await once(ending, 'exit');
    },
    start: run,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    async cli(...args) {
      const asked = spawn('redis-cli', ['-h', '127.0.0.1', '-p', `${port}`, '--raw', ...args]);
      let text = '';
      asked.stdout.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
      asked.on('error', () => {});
      await once(asked, 'close').catch(() => undefined);
      return text.trim();
    },
    async [Symbol.asyncDispose]() {
      child?.kill('SIGCONT');
      await server.kill();
    },
  };
  await run();
  return server;
}
