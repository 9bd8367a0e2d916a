/**
 * The manifests both drivers run: hubs over all kinds of servers. The very same objects; nothing is adapted to a driver.
 *
 * `desk` has one server of each era and transport; `edits` changes what they show; `narrow` has tight limits; `life` has the servers with
 * environments, instances and bad luck; `strict` checks schemas, tells of itself, has the other transports on both sides and what only one of the
 * eras knows; `outer` stands before `strict`.
 */
import { cellScript, stdioScript } from './scripts.ts';
import type { JsonObject, ServerScript } from '../kit/index.ts';
import type { ManifestLike } from './scenario.ts';

export const hubNames = ['desk', 'edits', 'narrow', 'life', 'strict', 'outer'] as const;
export type HubName = (typeof hubNames)[number];

export const kitImage = 'quaymaster.local/kit:1';
export const apiVersion = 'quaymaster.dev/v1alpha1';

export function server(name: string, hub: HubName, spec: JsonObject): ManifestLike {
  return { apiVersion, kind: 'McpServer', metadata: { name, labels: { hub } }, spec };
}

export function hub(name: HubName, spec: JsonObject = {}): ManifestLike {
  const base = { servers: { selector: { matchLabels: { hub: name } } }, auth: { mode: 'none' } };
  return { apiVersion, kind: 'McpHub', metadata: { name }, spec: { ...base, ...spec } };
}

export function stdio(script: ServerScript, more: JsonObject = {}): JsonObject {
  const args = ['--script', JSON.stringify(script)];
  return { source: { command: { command: 'kit-stdio', args, image: kitImage } }, ...more };
}

/** `port`: on a laptop all servers share one host. */
export function http(script: ServerScript, port: number, more: JsonObject = {}): JsonObject {
  const args = ['--script', JSON.stringify({ ...script, http: { ...script.http, host: '0.0.0.0', port } })];
  return {
    source: { command: { command: 'kit-http', args, image: kitImage } },
    transport: 'streamableHttp',
    http: { port, path: '/mcp' },
    ...more,
  };
}

export function secret(name: string, stringData: Readonly<Record<string, string>>): ManifestLike {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData };
}

export interface Ports {
  readonly legacy: number;
  readonly modern: number;
  readonly sse: number;
  readonly socket: number;
}

export function world(ports: Ports): readonly ManifestLike[] {
  return [
    hub('desk', { instructions: 'Ask the desk.' }),
    server('ls', 'desk', stdio(stdioScript('legacy', 'ls'))),
    server('ms', 'desk', stdio(stdioScript('modern', 'ms'))),
    server('lh', 'desk', http(stdioScript('legacy', 'lh'), ports.legacy)),
    server('mh', 'desk', http(stdioScript('modern', 'mh'), ports.modern)),
    ...edits(),
    ...narrow(),
    ...life(),
    ...strict(),
    ...doors(ports),
    ...cells(),
  ];
}

function edits(): ManifestLike[] {
  const tools = ['alpha', 'beta', 'gamma', 'delta'].map((name) => ({ name, description: `does ${name}` }));
  return [
    hub('edits', {
      naming: { separator: '.', maxLength: 32, aliases: { quick: { server: 'edited', tool: 'alpha' } } },
    }),
    server(
      'edited',
      'edits',
      stdio(
        { serverInfo: { name: 'edited', version: '1' }, tools },
        {
          tools: { exclude: ['delta'], rename: { beta: 'second' }, describe: { gamma: 'the third' } },
          protocol: 'legacy',
        },
      ),
    ),
    server(
      'a-server-with-a-very-long-name',
      'edits',
      stdio({
        serverInfo: { name: 'long', version: '1' },
        tools: [{ name: 'tool-with-a-long-name-too' }],
        era: 'modern',
      }),
    ),
  ];
}

function narrow(): ManifestLike[] {
  return [
    hub('narrow', {
      naming: { strategy: 'none' },
      limits: { pageSize: 3, payload: '64Ki', depth: 16 },
    }),
    server('pages', 'narrow', stdio({ era: 'legacy', generateTools: { count: 8 }, tools: [{ name: 'echo' }] })),
    server('clash', 'narrow', stdio({ era: 'modern', tools: [{ name: 'echo' }, { name: 'only' }] })),
  ];
}

function cells(): ManifestLike[] {
  return [server('tl', 'strict', stdio(cellScript('legacy'))), server('tm', 'strict', stdio(cellScript('modern')))];
}

function doors({ sse, socket }: Ports): ManifestLike[] {
  const script = (name: string, transport?: 'sse' | 'websocket'): ServerScript => ({
    era: 'legacy',
    serverInfo: { name, version: '1' },
    tools: [{ name: 'echo' }, { name: 'steps', does: { progress: { count: 3, message: name } } }],
    ...(transport === undefined ? {} : { http: { transport } }),
  });
  return [
    server('plain', 'strict', stdio(script('plain'))),
    server('oldway', 'strict', http(script('oldway', 'sse'), sse, { transport: 'sse' })),
    server('socket', 'strict', http(script('socket', 'websocket'), socket, { transport: 'websocket' })),
  ];
}

function strict(): ManifestLike[] {
  const inputSchema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
  const outputSchema = { type: 'object', properties: { degrees: { type: 'number' } }, required: ['degrees'] };
  const tools = [
    { name: 'good', inputSchema, extra: { outputSchema }, does: { structuredContent: { degrees: 12 } } },
    { name: 'bad', inputSchema, extra: { outputSchema }, does: { structuredContent: { degrees: 'warm' } } },
    { name: 'far', inputSchema: { type: 'object', $ref: 'https://example.com/schema.json' } },
    { name: 'steps', does: { progress: { count: 3, message: 'step' } } },
    { name: 'secret' },
  ];
  const script: ServerScript = { serverInfo: { name: 'weather', version: '1' }, tools };
  return [
    hub('strict', {
      control: { ops: true },
      transports: { sse: true, websocket: true },
      limits: { samplingTokens: 10 },
      replicas: 1,
    }),
    server(
      'checked',
      'strict',
      stdio({ ...script, era: 'legacy' }, { tools: { validate: 'enforce', exclude: ['secret'] } }),
    ),
    server(
      'lenient',
      'strict',
      stdio({ ...script, era: 'modern' }, { tools: { validate: 'warn', rename: { far: 'away' } } }),
    ),
    hub('outer', { replicas: 1 }),
    server('inner', 'outer', { source: { hub: { name: 'strict' } } }),
  ];
}

function life(): ManifestLike[] {
  const who = [{ name: 'whoami', does: { whoami: true } }, { name: 'echo' }];
  return [
    hub('life'),
    secret('words', { password: 'open sesame', other: 'x' }),
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'facts' }, data: { COLOUR: 'green', SIZE: '7' } },
    server(
      'env',
      'life',
      stdio(
        { era: 'legacy', tools: who },
        {
          env: [
            { name: 'PLAIN', value: 'as it is' },
            { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'words', key: 'password' } } },
            { name: 'ABSENT', valueFrom: { secretKeyRef: { name: 'words', key: 'nothing', optional: true } } },
            { name: 'SHELL_WORDS', value: '$HOME `x` $(PLAIN) "quoted"' },
            { name: 'SCRATCH', value: '$(roots.scratch)/file' },
          ],
          envFrom: [{ configMapRef: { name: 'facts' }, prefix: 'FACT_' }],
          roots: [{ name: 'scratch', emptyDir: {}, mountPath: '/scratch' }],
        },
      ),
    ),
    server('each', 'life', stdio({ era: 'legacy', tools: who }, { instances: { mode: 'perClient', max: 4 } })),
    server('asleep', 'life', stdio({ era: 'legacy', tools: who }, { lifecycle: { start: 'lazy' } })),
    server(
      'fragile',
      'life',
      stdio({ era: 'legacy', tools: [{ name: 'die', does: { crash: { with: 'exit' } } }, { name: 'echo' }] }),
    ),
    server(
      'faulty',
      'life',
      stdio(
        {
          era: 'modern',
          tools: [
            { name: 'good', annotations: { title: 'Good', readOnlyHint: false } },
            { name: 'bad', does: { error: { code: -32_603, message: 'boom' } } },
            { name: 'work', does: { latencyMs: 400 } },
            { name: 'plain', annotations: { openWorldHint: true } },
          ],
        },
        {
          tools: { annotate: { good: { readOnlyHint: true }, work: { idempotentHint: false } } },
          resilience: {
            retry: { attempts: 1 },
            circuitBreaker: { window: '2s', minCalls: 4, failureThreshold: 40, openFor: '500ms', probes: 1 },
            bulkhead: { maxConcurrent: 2, queue: 1 },
          },
        },
      ),
    ),
    server(
      'dozes',
      'life',
      stdio({ era: 'legacy', tools: who }, { lifecycle: { start: 'onDemand', idleTimeout: '1s' } }),
    ),
    server('broken', 'life', stdio({ startup: { exit: { code: 3, stderr: 'no such luck' } } })),
    server(
      'unresolved',
      'life',
      stdio({}, { env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 'missing', key: 'k' } } }] }),
    ),
    server('nobody', 'desk', stdio({})),
  ].map((one) =>
    one.metadata.name === 'nobody' ? { ...one, metadata: { name: 'nobody', labels: { hub: 'none' } } } : one,
  );
}
