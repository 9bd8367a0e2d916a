/**
 * EF-31, HT-0.11: child processes behind a running hub. They are killed in the middle of calls, print rubbish, flood stderr and start
 * children of their own; callers hear at once, servers come back by themselves, and nothing outlives the hub.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  connectLegacy,
  connectModern,
  descendants,
  fairMs,
  freePort,
  httpCommand,
  isAlive,
  stdioCommand,
  textOf,
  until,
} from '../kit/index.ts';
import type { EraName, KitClient, ServerScript } from '../kit/index.ts';
import { begun } from './support/begun.ts';
import { mcpHub, mcpServer, startHub } from './support/running-hub.ts';
import type { RunningHub } from './support/running-hub.ts';

const tools: ServerScript['tools'] = [
  { name: 'echo' },
  { name: 'whoami', does: { whoami: true } },
  { name: 'hang', does: { hang: true } },
  { name: 'control', does: { control: true } },
  {
    name: 'noisy',
    does: { stdout: { before: 'about to answer...', after: '[done] 1 {not json' }, stderrBytes: 10 << 20 },
  },
  { name: 'cutoff', does: { malform: 'invalidJson' } },
];
const eras = ['modern', 'legacy'] as const;
const script = (era: EraName): ServerScript => ({
  era,
  tools,
  startup: { grandchildren: 2, rubbish: '\u001b[32mServer listening on stdio\u001b[0m\n\n' },
});

let hub: RunningHub;
const clients: Record<EraName, KitClient> = {} as Record<EraName, KitClient>;

beforeAll(async () => {
  const servers = eras.map((era) => mcpServer(era, { source: { command: stdioCommand(script(era)) } }));
  hub = await startHub([mcpHub(), ...servers]);
  clients.modern = await connectModern(hub.url);
  clients.legacy = await connectLegacy(hub.url);
});

afterAll(async () => {
  await Promise.all(Object.values(clients).map((client) => client.close()));
  await hub?.[Symbol.asyncDispose]();
});

async function pidOf(client: KitClient, server: string): Promise<number> {
  return (JSON.parse(textOf(await client.callTool(`${server}_whoami`))) as { pid: number }).pid;
}

const allGone = (pids: readonly number[]) =>
  until(() => ({ ok: !pids.some(isAlive), left: pids.filter(isAlive) }), { because: 'processes are still there' });

const names = async (client: KitClient) => (await client.listAll('tools/list')).map((tool) => tool['name']);

for (const client of eras)
  for (const server of eras) {
    test(`EF-31 checklist 55: kill -9 mid-call: ${client} client, ${server} server`, async () => {
      const caller = clients[client];
      const before = await names(caller);
      const pid = await pidOf(caller, server);
      const grandchildren = descendants(pid).map((one) => one.pid);
      expect(grandchildren).toHaveLength(2);
      const hanging = await begun(caller, `${server}_`, 'hang', () =>
        [1, 2, 3].map(() => caller.callTool(`${server}_hang`)),
      );

      const killed = performance.now();
      process.kill(pid, 'SIGKILL');
      for (const answer of await Promise.all(hanging)) {
        expect(answer.error).toMatchObject({ code: -32_603, data: { code: 'QM_SERVER_GONE', retry: 'unsafe' } });
        expect(answer.error?.message).toContain(server);
      }
      expect(performance.now() - killed).toBeLessThan(fairMs(1_000));

      // A call that comes while it is being started again waits for it.
      const again = await pidOf(caller, server);
      expect(again).not.toBe(pid);
      await allGone(grandchildren);
      expect(await names(caller)).toEqual(before);
    });
  }

test.each(eras)('HT-0.11 banners, log lines and 10 MiB on stderr do not disturb a %s server', async (server) => {
  const caller = clients.legacy;
  const answers = await Promise.all([1, 2, 3].map((n) => caller.callTool(`${server}_noisy`, { n })));
  expect(answers.map(textOf)).toEqual(['{"n":1}', '{"n":2}', '{"n":3}']);
});

test.each(eras)('HT-0.11 a broken answer of a %s server fails its own call at once, and no other', async (server) => {
  const caller = clients.modern;
  const begun = performance.now();
  const [broken, fine] = await Promise.all([
    caller.callTool(`${server}_cutoff`),
    caller.callTool(`${server}_echo`, { a: 1 }),
  ]);
  expect(broken.error).toMatchObject({ data: { code: 'QM_UPSTREAM_PROTOCOL' } });
  expect(textOf(fine)).toBe('{"a":1}');
  expect(performance.now() - begun).toBeLessThan(fairMs(5_000));
});

test('HT-0.11 a client that pretty-prints reaches a stdio server: newlines inside a message do not end it', async () => {
  const response = await fetch(hub.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'legacy_echo',
    },
    body: JSON.stringify(
      {
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: {
          name: 'legacy_echo',
          arguments: { deep: { list: [1, 'two\nlines'] } },
          _meta: {
            'io.modelcontextprotocol/protocolVersion': '2026-07-28',
            'io.modelcontextprotocol/clientCapabilities': {},
          },
        },
      },
      undefined,
      2,
    ).replaceAll('\n', '\r\n'),
  });
  expect(await response.text()).toContain(
    JSON.stringify(JSON.stringify({ deep: { list: [1, 'two\nlines'] } })).slice(1, -1),
  );
});

test('EF-31 a program that listens on HTTP itself runs beside the hub and comes back, too', async () => {
  const port = await freePort();
  const source = { command: httpCommand({ tools, http: { port } }) };
  await using own = await startHub([mcpHub(), mcpServer('web', { source, http: { port } })]);
  await using client = await connectModern(own.url);
  const pid = await pidOf(client, 'web');
  expect(descendants(own.program.pid).map((one) => one.pid)).toEqual([pid]);
  const [hanging] = await begun(client, 'web_', 'hang', () => [client.callTool('web_hang')]);
  process.kill(pid, 'SIGKILL');
  expect((await hanging)?.error).toMatchObject({ data: { code: 'QM_SERVER_GONE' } });
  // Its port is the last that a killed process closes: until then a connection may be taken, and reset.
  await allGone([pid]);
  expect(await pidOf(client, 'web')).not.toBe(pid);
});

test('EF-69 /metrics counts the processes of each server that run now', async () => {
  const all = mcpServer('all', { source: { command: stdioCommand({ tools }) } });
  const each = mcpServer('each', {
    source: { command: stdioCommand({ tools, era: 'legacy' }) },
    instances: { mode: 'perClient' },
  });
  await using own = await startHub([mcpHub(), all, each], { flags: ['--health-port', '0'] });
  const [, health] = /\(health (http:\/\/[^)]+)\)/.exec(own.program.stdout) ?? [];
  const counted = async (): Promise<string[]> => {
    const text = await (await fetch(`${health ?? ''}/metrics`)).text();
    return text.split('\n').filter((line) => line.startsWith('quaymaster_child_processes{'));
  };
  const are = (some: number, because: string) => {
    const wanted = [`{server="default/all"} 1`, `{server="default/each"} ${some}`].map(
      (one) => `quaymaster_child_processes${one}`,
    );
    return until(async () => (await counted()).toSorted().join() === wanted.join(), { because });
  };
  await are(1, 'both servers run');
  await using client = await connectLegacy(own.url);
  await client.callTool('each_echo');
  await are(2, 'the client has one of its own');
  await client.endSession();
  await are(1, 'it ended with its session');
});

test.each(['SIGTERM', 'SIGKILL'] as const)(
  'EF-31 checklist 55: nothing outlives a hub that ends by %s',
  async (signal) => {
    const polite = mcpServer('polite', { source: { command: stdioCommand({ tools }) } });
    // Grandchildren of a hub that had no chance to run anything are out of reach; those of an ordinary end are not.
    const greedy = mcpServer('greedy', {
      source: { command: stdioCommand({ tools, startup: { grandchildren: 2, stubborn: true } }) },
    });
    await using own = await startHub([mcpHub(), polite, ...(signal === 'SIGTERM' ? [greedy] : [])]);
    const all = descendants(own.program.pid).map((one) => one.pid);
    expect(all).toHaveLength(signal === 'SIGTERM' ? 4 : 1);
    own.program.kill(signal);
    await own.program.ended(15_000);
    await allGone(all);
  },
);
