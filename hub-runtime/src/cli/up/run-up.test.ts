import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { runCli } from '../run-cli.ts';
import { qm, testCli } from '../cli.fixture.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'qm-up-'));
  mkdirSync(path.join(home, 'm'));
  write('hub.yaml', hub);
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const hub = {
  apiVersion: 'quaymaster.dev/v1alpha1',
  kind: 'McpHub',
  metadata: { name: 'desk' },
  spec: { servers: { selector: {} }, auth: { mode: 'none' } },
};
const dead = {
  apiVersion: 'quaymaster.dev/v1alpha1',
  kind: 'McpServer',
  metadata: { name: 'dead' },
  spec: { source: { command: { command: './gone' } } },
};
const write = (name: string, value: object): void => writeFileSync(path.join(home, 'm', name), JSON.stringify(value));
const env = () => ({
  HOME: home,
  XDG_STATE_HOME: path.join(home, 's'),
  XDG_CACHE_HOME: path.join(home, 'c'),
  PATH: process.env['PATH'],
});

/** `qm up` in this process, with the signals it would get. */
function up(...argv: string[]) {
  const { cli, out, err, signals } = testCli({ cwd: home, env: env() });
  const code = runCli(cli, ['up', '-f', 'm', '--port', '0', ...argv]);
  const signal = (name: 'SIGINT' | 'SIGTERM' | 'SIGHUP'): void => void signals.emit(name, name);
  // The first one loads the hub from its sources: half a minute on a machine with ten other things to do.
  const ready = (): Promise<void> => expect.poll(() => out.join('\n'), { timeout: 45_000 }).toMatch(/^ready http/m);
  return { code, out, err, signals, signal, ready };
}

describe('the foreground', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    '%s ends it with 0, once however often it arrives together',
    async (name) => {
      const run = up();
      await run.ready();
      run.signal(name);
      run.signal(name);
      expect(await run.code).toBe(0);
      expect(run.err).toContain(`stopping (${name})`);
      expect(run.signals.listenerCount(name)).toBe(0);
    },
  );

  test('SIGHUP without a terminal reads the files again; the log goes where it was told', async () => {
    const run = up('--log-file', path.join(home, 'own.log'), '--log-level', 'debug', '--health-port', 'off');
    await run.ready();
    expect(run.out[0]).not.toContain('health');
    write('dead.yaml', dead);
    run.signal('SIGHUP');
    await expect.poll(() => run.out.join('\n')).toMatch(/^dead: /m);
    run.signal('SIGTERM');
    expect(await run.code).toBe(0);
    expect(readFileSync(path.join(home, 'own.log'), 'utf8')).toContain('"msg":"started"');
  });

  test('EF-45 --watch takes over an edit and an environment file', async () => {
    writeFileSync(path.join(home, 'v.env'), 'k=1\n');
    const run = up('--watch', '--secret', 'gh=v.env');
    await run.ready();
    write('dead.yaml', dead);
    await expect.poll(() => run.out.join('\n')).toMatch(/^dead: /m);
    run.signal('SIGINT');
    expect(await run.code).toBe(0);
  });

  test('--strict: a wrong manifest and a server that does not come up are both fatal', async () => {
    write('dead.yaml', dead);
    const server = up('--strict');
    expect(await server.code).toBe(3);
    expect(server.err.at(-1)).toMatch(/not all servers are ready: default\/dead \(CommandNotFound\)/);
    expect(server.out.join('\n')).not.toMatch(/^ready/m);
    write('dead.yaml', { ...dead, spec: {} });
    const manifest = up('--strict');
    expect(await manifest.code).toBe(3);
    expect(manifest.err.at(-1)).toContain('--strict was given');
  });

  test('--host needs --insecure for a hub without authentication, and names of clients can be allowed', async () => {
    const refused = up('--host', '0.0.0.0');
    expect(await refused.code).toBe(2);
    const run = up('--host', '0.0.0.0', '--insecure', '--allow-host', 'hub.test');
    await run.ready();
    run.signal('SIGINT');
    expect(await run.code).toBe(0);
  });

  test('nothing to run, and a hub that runs already', async () => {
    const first = up();
    await first.ready();
    const second = up();
    expect(await second.code).toBe(5);
    expect(second.err.at(-1)).toContain('runs already');
    first.signal('SIGINT');
    await first.code;
    rmSync(path.join(home, 'm', 'hub.yaml'));
    write('dead.yaml', dead);
    const none = up();
    expect(await none.code).toBe(3);
    expect(none.err.join('\n')).toContain('no McpHub in the manifests');
  });

  test('HT-1.14 client files: the hub that is used is told, not on a pipe', async () => {
    rmSync(path.join(home, 'm', 'hub.yaml'));
    write('c.json', { mcpServers: { a: { command: './gone' } } });
    const run = up('--output', 'json');
    await expect.poll(() => run.out.at(-1) ?? '').toContain('"kind":"ready"');
    run.signal('SIGINT');
    expect(await run.code).toBe(0);
    expect(run.err.join('\n')).not.toContain('kind: McpHub');
    const text = up();
    await text.ready();
    text.signal('SIGINT');
    await text.code;
    expect(text.err.join('\n')).toContain('  kind: McpHub');
  }, 30_000);

  test('a pipe that is closed at once ends it with 0 and says nothing on stdout', async () => {
    const said = await qm({ cwd: home, env: env() }, 'up', '-f', 'm', '--stdio');
    expect(said).toMatchObject({ code: 0, out: '' });
  });
});

describe('the background', () => {
  const run = (...argv: string[]) => qm({ cwd: home, env: env() }, ...argv);

  test('up -d, found by down', async () => {
    const started = await run('up', '-d', '-f', 'm', '--port', '0', '-o', 'json');
    expect(started.code).toBe(0);
    const { url, pid } = JSON.parse(started.out) as { url: string; pid: number };
    expect(url).toMatch(/^http:/);
    expect(pid).toBeGreaterThan(0);
    expect((await run('up', '-d', '-f', 'm')).code).toBe(5);
    expect(JSON.parse((await run('down', '-o', 'json')).out)).toEqual({ stopped: url, pid });
    expect((await run('down')).code).toBe(4);
  });

  test('--strict in the background: no ready, the exit code of the hub, and nothing stays', async () => {
    write('dead.yaml', dead);
    const said = await run('up', '-f', 'm', '--port', '0', '--strict', '-d');
    expect(said).toMatchObject({ code: 3, out: '', err: expect.stringContaining('default/dead (CommandNotFound)') });
    expect((await run('down')).code).toBe(4);
  });

  test('flags written together start one hub, not one that starts another', async () => {
    const { code, out } = await run('up', '-f', 'm', '--port', '0', '-dw');
    expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/^ready http/) });
    expect((await run('down')).code).toBe(0);
    expect((await run('down')).code).toBe(4);
  });

  test('what cannot start says why, here', async () => {
    rmSync(path.join(home, 'm', 'hub.yaml'));
    const failed = await run('up', '-d', '-f', 'm');
    expect(failed.code).toBe(3);
    expect(failed.err).toContain('holds no *.yaml');
    expect((await run('up', '-d', '-f', '-')).code).toBe(2);
    expect((await run('up', '-d', '--stdio', '-f', 'm')).code).toBe(2);
  });
});

test('a state directory that cannot be used is said, with the way out', async () => {
  mkdirSync(path.join(home, 's'));
  writeFileSync(path.join(home, 's', 'quaymaster'), 'a file where a directory belongs');
  for (const more of [[], ['-d']]) {
    const said = await qm({ cwd: home, env: env() }, 'up', '-f', 'm', '--port', '0', ...more);
    expect(said.code).toBe(5);
    expect(said.err).toMatch(/the state directory .* cannot be used \(E\w+\); .*--state-dir/);
  }
});

test('an error of our own: one line, and where it comes from with QM_DEBUG only', async () => {
  for (const [debug, stack] of [
    [undefined, false],
    ['1', true],
  ] as const) {
    const { cli, err } = testCli({ cwd: home, env: { QM_DEBUG: debug } });
    const broken = {
      ...cli,
      out: () => {
        throw new Error('disk full');
      },
    };
    expect(await runCli(broken, ['version'])).toBe(70);
    expect(err.at(-1)).toMatch(/^error: disk full\n.*QM_DEBUG=1/);
    expect(err.some((line) => /^\s+at /m.test(line))).toBe(stack);
  }
});
