import { readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';

import { createTestClock } from '../../base/index.ts';
import { installs } from './fake-tools.ts';
import { usePackageStore } from './package-store.fixture.ts';
import { patience, RegistryWatch, registryWaits } from './registry-watch.ts';

describe('the watch', () => {
  const setUp = (probe: (registry: URL, signal: AbortSignal) => Promise<unknown> = () => new Promise(() => {})) => {
    const clock = createTestClock();
    const said: string[] = [];
    const asked: AbortSignal[] = [];
    const watch = new RegistryWatch({
      clock,
      waits: registryWaits,
      what: 'installing x@1.0.0',
      progress: (line) => said.push(line),
      registry: async (signal) => {
        asked.push(signal);
        return new URL('https://me:secret@packages.example/npm/');
      },
      probe,
    });
    return { clock, said, asked, watch };
  };
  const answer = 'npm http fetch GET 200 https://packages.example/npm/x 120ms (cache miss)\n';

  test('HT-1.13 says after five seconds who has not answered, by host and without credentials, and gives up before thirty', async () => {
    const { clock, said, watch } = setUp();
    await clock.advance(4_999);
    expect(said).toEqual([]);
    await clock.advance(1);
    expect(said).toEqual(['installing x@1.0.0: no answer yet from packages.example']);
    await clock.advance(16_999);
    expect(watch.silent).toBeUndefined();
    await clock.advance(1);
    expect([watch.signal.aborted, watch.silent]).toEqual([true, 'packages.example']);
    expect(registryWaits.giveUpMs).toBeLessThan(30_000);
  });

  test('an answer ends the watch, whatever pieces it is told in; nothing is asked about what is quick', async () => {
    const { clock, said, asked, watch } = setUp();
    for (const piece of [answer.slice(0, 17), answer.slice(17, 30), answer.slice(30)]) watch.heard(piece);
    watch.stop();
    await clock.advance(60_000);
    expect([said, asked, watch.signal.aborted, clock.pending]).toEqual([[], [], false, 0]);
  });

  test('with the install ends what was asked about it', async () => {
    const probes: AbortSignal[] = [];
    const { clock, asked, watch } = setUp((_registry, signal) => {
      probes.push(signal);
      return new Promise(() => {});
    });
    await clock.advance(6_000);
    watch.stop();
    expect([...asked, ...probes].map(({ aborted }) => aborted)).toEqual([true, true]);
  });

  test('who answers is said to be fetched from, when it takes long', async () => {
    const { clock, said, watch } = setUp();
    watch.heard(answer);
    await clock.advance(60_000);
    expect(said).toEqual(['installing x@1.0.0: fetching from packages.example']);
    const late = setUp();
    await late.clock.advance(6_000);
    late.watch.heard(answer);
    expect(late.said.at(-1)).toBe('installing x@1.0.0: fetching from packages.example');
    await late.clock.advance(60_000);
    expect([late.said.length, late.watch.signal.aborted]).toEqual([2, false]);
  });

  test('one whose first answer is long is asked for a sign of life, and is not given up', async () => {
    const probed: string[] = [];
    const { clock, said, watch } = setUp(async ({ host }) => probed.push(host));
    await clock.advance(60_000);
    expect([probed, watch.signal.aborted]).toEqual([['packages.example'], false]);
    expect(said.at(-1)).toBe('installing x@1.0.0: fetching from packages.example');
    const gone = setUp(() => Promise.reject(new Error('refused')));
    await gone.clock.advance(60_000);
    expect(gone.watch.silent).toBe('packages.example');
  });

  test.each([
    ['npm http cache https://packages.example/x 2ms (cache hit)\n', true],
    ['npm http fetch GET https://packages.example/x attempt 1 failed with 503\n', true],
    ['npm http fetch GET https://packages.example/x attempt 1 failed with ECONNREFUSED\n', false],
    ['npm warn deprecated x 200\n', false],
  ])('%j', async (line, isAnswer) => {
    const { clock, watch } = setUp();
    watch.heard(line);
    await clock.advance(60_000);
    expect(watch.signal.aborted).toBe(!isAnswer);
  });

  test('after its end it says nothing, and asks nobody', async () => {
    const { clock, said, watch } = setUp();
    const early = clock.advance(5_000);
    watch.stop();
    await early;
    await clock.advance(60_000);
    expect([said, watch.signal.aborted]).toEqual([[], false]);
  });
});

describe('an install', () => {
  const stage = usePackageStore();
  const cleanups: (() => unknown)[] = [];
  const signal = new AbortController().signal;
  const source = { kind: 'npm', package: '@acme/server-x', version: '1.2.3', args: [] } as const;

  afterEach(async () => {
    for (const one of cleanups.splice(0)) await one();
  });

  const waits = { sayMs: 50, giveUpMs: 3_000 };
  const listening = async (server: Server): Promise<string> => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => new Promise((resolve) => server.close(resolve)));
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  /** What npm's settings say, and what it does when it is to install. */
  const npm = (settings: string, install: string) =>
    stage.tools.npm(`if (args[0] === 'config') console.log(${JSON.stringify(settings)}); else { ${install} }`);

  test('HT-1.13 whose registry takes connections and never answers says so, and ends', async () => {
    const sockets = new Set<Socket>();
    const where = await listening(createServer((socket) => void sockets.add(socket.on('error', () => {}))));
    cleanups.unshift(() => sockets.forEach((socket) => socket.destroy()));
    npm(
      `; registry = "http://third.example/" ; overridden by env\nregistry = "http://other.example/"\n@acme:registry = "http://me:***@${where}/npm/"`,
      'setInterval(() => {}, 1e6)',
    );
    const said: string[] = [];
    const failure = stage.open({ registryWaits: waits }).install(source, (line) => said.push(line), signal);
    await expect(failure).rejects.toMatchObject({
      reason: 'RegistryUnreachable',
      retryable: true,
      message: expect.stringMatching(`^@acme/server-x@1\\.2\\.3: ${where} does not answer; check the network`),
    });
    expect(said).toEqual([
      'installing @acme/server-x@1.2.3',
      `installing @acme/server-x@1.2.3: no answer yet from ${where}`,
    ]);
    expect(stage.children.size).toBe(0);
  });

  test('whose registry is slow, but there, is said to be fetched from', async () => {
    const file = path.join(stage.tools.folder, 'probed');
    const server = createHttpServer((_request, response) => {
      writeFileSync(file, '');
      response.writeHead(404).end();
    });
    const where = await listening(server);
    const body = installs('./main.js', { 'main.js': '#!/usr/bin/env node\n' });
    // It ends a moment after its registry has been asked for a sign of life.
    const wait = `setInterval(() => { if (fs.existsSync(${JSON.stringify(file)})) setTimeout(() => { ${body} process.exit(); }, 300); }, 20)`;
    npm(`registry = "http://${where}/"\n@other:registry = "http://127.0.0.1:1/"`, wait);
    const said: string[] = [];
    const long = { sayMs: 50, giveUpMs: 60_000 };
    const installed = await stage.open({ registryWaits: long }).install(source, (line) => said.push(line), signal);
    expect(installed.installed).toBe(true);
    expect(said).toContain(`installing @acme/server-x@1.2.3: fetching from ${where}`);
  });

  test('a registry nobody can name is one all the same', async () => {
    npm('registry = null', 'setInterval(() => {}, 1e6)');
    const failure = stage
      .open({ registryWaits: { sayMs: 50, giveUpMs: 400 } })
      .install({ ...source, package: 'plain' }, () => {}, signal);
    await expect(failure).rejects.toMatchObject({ message: expect.stringContaining('the registry does not answer') });
  });

  test('npm hardly pauses between its attempts, unless the environment says otherwise', async () => {
    const body = installs('./main.js', { 'main.js': '#!/usr/bin/env node\n' });
    const keep = `fs.writeFileSync(path.join(process.env.FOLDER, 'env'), JSON.stringify(process.env));${body}`;
    npm('', keep);
    await stage.open({ env: { ...stage.tools.env, npm_config_fetch_timeout: '7' } }).install(source, () => {}, signal);
    const env = JSON.parse(readFileSync(path.join(stage.tools.folder, 'env'), 'utf8')) as Record<string, string>;
    expect(env).toMatchObject({ ...patience, npm_config_fetch_timeout: '7' });
  });

  test('answers that were told do not pass for what went wrong', async () => {
    const lines = ['npm http fetch GET 200 https://r.example/etarget 1ms', 'npm error code ENOSPC', 'npm error full'];
    npm('', `process.stderr.write(${JSON.stringify(lines.join('\n'))}); process.exitCode = 1`);
    await expect(stage.open().install(source, () => {}, signal)).rejects.toMatchObject({ reason: 'DiskFull' });
  });
});
