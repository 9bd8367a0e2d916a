/** Servers and configurations that change, fail and come back; and what status says of them. */
import { until } from '../../kit/index.ts';
import type { JsonObject } from '../../kit/index.ts';
import type { ParityDriver, Scenario } from '../scenario.ts';
import { apiVersion, secret, server, stdio } from '../world.ts';

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** Of a status, what both drivers must agree on. */
function facts(status: JsonObject | undefined): JsonObject {
  const {
    phase,
    era,
    protocolVersion,
    serverInfo,
    counts,
    toolsHash,
    servers,
    tools,
    configHash: _hash,
  } = status ?? {};
  const conditions = ((status?.['conditions'] ?? []) as Condition[]).map(
    ({ type, status: is, reason }) => `${type}=${is} ${reason}`,
  );
  return { phase, era, protocolVersion, serverInfo, counts, toolsHash, servers, tools, conditions };
}

async function settles(
  driver: ParityDriver,
  kind: 'McpServer' | 'McpHub',
  name: string,
  condition: string,
): Promise<JsonObject> {
  let last: JsonObject = {};
  await until(
    async () => {
      last = facts(await driver.status(kind, name));
      return (last['conditions'] as string[]).includes(condition) ? true : undefined;
    },
    { because: `${kind} ${name} gets ${condition}; last ${JSON.stringify(last)}`, timeoutMs: 90_000, everyMs: 250 },
  );
  return last;
}

function status(
  kind: 'McpServer' | 'McpHub',
  name: string,
  hub: Scenario['hub'],
  condition = 'Ready=True Ready',
): Scenario {
  return {
    name: `status of ${kind} ${name}`,
    hub,
    eras: ['modern'],
    async run(stage, driver) {
      stage.note('status', await settles(driver, kind, name, condition));
    },
  };
}

export const life: readonly Scenario[] = [
  status('McpServer', 'ls', 'desk'),
  status('McpServer', 'ms', 'desk'),
  status('McpServer', 'lh', 'desk'),
  status('McpServer', 'mh', 'desk'),
  status('McpServer', 'unresolved', 'life', 'Ready=False SecretNotFound'),
  status('McpServer', 'nobody', 'life', 'Ready=False NotSelected'),
  status('McpServer', 'broken', 'life', 'Ready=False CrashLoop'),
  status('McpHub', 'desk', 'desk'),
  status('McpHub', 'edits', 'edits'),
  {
    name: 'environment from values, Secrets and ConfigMaps',
    hub: 'life',
    async run(stage) {
      const client = await stage.client();
      const env = [
        'PLAIN',
        'PASSWORD',
        'ABSENT',
        'SHELL_WORDS',
        'SCRATCH',
        'FACT_COLOUR',
        'FACT_SIZE',
        'NODE_OPTIONS',
        'QM_BRIDGE',
        'LD_LIBRARY_PATH',
      ];
      const seen = await stage.value(client, 'env_whoami', { env });
      const values = seen['env'] as Record<string, string>;
      stage.note('environment', { ...values, SCRATCH: values['SCRATCH']?.replace(/^.*\//, '.../') });
    },
  },
  {
    name: 'a process for each client',
    hub: 'life',
    eras: ['legacy'],
    async run(stage) {
      const clients = await Promise.all([stage.client(), stage.client()]);
      const pids = await Promise.all(
        [...clients, ...clients].map(async (client) => (await stage.value(client, 'each_whoami'))['pid']),
      );
      stage.note('who shares', [pids[0] === pids[1], pids[0] === pids[2], pids[1] === pids[3]]);
    },
  },
  {
    name: 'a lazy server starts with its first call',
    hub: 'life',
    eras: ['modern'],
    async run(stage) {
      const client = await stage.client();
      await stage.call(client, 'asleep_echo', { wake: 'up' }, { label: 'first call' });
    },
  },
  {
    name: 'a process that dies in a call fails that call only, and is back',
    hub: 'life',
    async run(stage) {
      const client = await stage.client();
      await stage.call(client, 'fragile_die', {}, { label: 'the call' });
      await stage.call(client, 'fragile_echo', { after: 'wards' }, { label: 'the next' });
    },
  },
  {
    name: 'a server that is not there says why',
    hub: 'life',
    async run(stage, driver) {
      await settles(driver, 'McpServer', 'broken', 'Ready=False CrashLoop');
      const client = await stage.client();
      await stage.call(client, 'broken_echo', {}, { label: 'broken' });
      await stage.call(client, 'unresolved_echo', {}, { label: 'unresolved' });
    },
  },
  {
    name: 'a missing Secret that is created mends the server by itself',
    hub: 'life',
    eras: ['modern'],
    async run(stage, driver) {
      await driver.apply([
        server(
          'waits',
          'life',
          stdio({ era: 'modern' }, { env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 'later', key: 'k' } } }] }),
        ),
      ]);
      stage.note('before', await settles(driver, 'McpServer', 'waits', 'Ready=False SecretNotFound'));
      await driver.apply([secret('later', { k: 'v' })]);
      stage.note('after', await settles(driver, 'McpServer', 'waits', 'Ready=True Ready'));
      const client = await stage.client();
      await until(async () => (await client.listAll('tools/list')).some(({ name }) => name === 'waits_whoami'), {
        because: 'its tools are there',
        timeoutMs: 15_000,
        everyMs: 100,
      });
      stage.note('value', (await stage.value(client, 'waits_whoami', { env: ['X'] }))['env']);
      await driver.remove([server('waits', 'life', {})]);
      await until(
        async () => !(await client.listAll('tools/list')).some(({ name }) => String(name).startsWith('waits')),
        {
          because: 'its tools are gone',
          timeoutMs: 15_000,
          everyMs: 100,
        },
      );
      await driver.remove([secret('later', {})]);
    },
  },
  {
    name: 'an edit is seen by clients that are connected',
    hub: 'edits',
    async run(stage, driver) {
      const client = await stage.client();
      using stream = await stage.listen(client);
      const tools = ['alpha', 'beta', 'gamma', 'delta'].map((name) => ({ name, description: `does ${name}` }));
      const shaped = (edits: JsonObject) =>
        server(
          'edited',
          'edits',
          stdio({ serverInfo: { name: 'edited', version: '1' }, tools }, { protocol: 'legacy', tools: edits }),
        );
      const has = async (name: string): Promise<boolean> =>
        (await client.listAll('tools/list')).some((tool) => tool['name'] === name);
      await driver.apply([shaped({ exclude: ['gamma'], rename: { beta: 'first' } })]);
      await until(() => has('edited.first'), { because: 'the rename is seen', timeoutMs: 15_000, everyMs: 50 });
      await stage.heard(stream, 'told', 1);
      await stage.ask(client, 'tools/list', {}, { label: 'with other edits' });
      await driver.apply([
        shaped({ exclude: ['delta'], rename: { beta: 'second' }, describe: { gamma: 'the third' } }),
      ]);
      await until(() => has('edited.second'), { because: 'all is as before', timeoutMs: 15_000, everyMs: 50 });
      await stage.ask(client, 'tools/list', {}, { label: 'as before' });
    },
  },
  {
    name: 'an invalid manifest changes nothing for the others',
    hub: 'edits',
    eras: ['modern'],
    async run(stage, driver) {
      const client = await stage.client();
      const wrong = {
        apiVersion,
        kind: 'McpServer',
        metadata: { name: 'wrong', labels: { hub: 'edits' } },
        spec: { source: {} },
      };
      // An API server refuses it at the door; on a laptop it is left out and reported. That both find it wrong is tested with the corpus.
      await driver.apply([wrong]).catch(() => undefined);
      await stage.call(client, 'quick', { still: 'here' }, { label: 'call' });
      await driver.remove([wrong]);
    },
  },
];
