/** Frames of the control stream as messages: the shape of what is used is checked, the rest is left as it is. */
import { isPlainObject } from '../structural/index.ts';
import type { HubMessage, OperatorMessage } from './messages.ts';

type Check = (value: unknown) => boolean;

const text: Check = (value) => typeof value === 'string' && value.length <= 4_096;
const number: Check = (value) => typeof value === 'number' && Number.isFinite(value);
const flag: Check = (value) => typeof value === 'boolean';
const listOf =
  (item: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(item);
const mapOf =
  (item: Check): Check =>
  (value) =>
    isPlainObject(value) && Object.values(value).every(item);
const shape =
  (members: Readonly<Record<string, Check>>, optional: Readonly<Record<string, Check>> = {}): Check =>
  (value) =>
    isPlainObject(value) &&
    Object.entries(members).every(([name, check]) => check(value[name])) &&
    Object.entries(optional).every(([name, check]) => value[name] === undefined || check(value[name]));

const anyText: Check = (value) => typeof value === 'string';
const pod = shape({ name: text, uid: text, ip: text });
const server = shape({ observed: shape({ phase: text }), inFlight: number, waiting: number });
/** Documents of this version are understood. */
const documentVersion = 1;

const document = shape({
  version: (value) => value === documentVersion,
  generation: number,
  hash: text,
  config: shape({ namespace: text, name: text, hash: text, servers: listOf(shape({ key: text })) }),
  addresses: mapOf(shape({ url: text, inCluster: flag }, { bridgeToken: text })),
  hosts: listOf(text),
});

const hubMessages: Readonly<Record<string, Check>> = {
  hello: shape(
    { protocol: number, hub: text, pod, version: text },
    { running: shape({ hash: text, generation: number }), credentials: text },
  ),
  ack: shape({ hash: text, generation: number, ok: flag }, { message: anyText }),
  report: shape({
    load: shape({ inFlight: number, sessions: number, streams: number, eventLoop: number }),
    catalogHash: text,
    tools: number,
    problems: listOf(shape({ reason: text, message: anyText })),
    servers: mapOf(server),
  }),
};

const endpoint = shape({ address: text, state: (value) => ['ready', 'draining', 'starting'].includes(String(value)) });
const operatorMessages: Readonly<Record<string, Check>> = {
  config: shape({ document }),
  credentials: shape({ hash: text, values: mapOf(anyText) }),
  peers: shape({ peers: listOf(pod) }),
  endpoints: shape({ servers: mapOf(listOf(endpoint)) }),
};

/** What can be said of a document whatever its version. */
const anyDocument = shape({ document: shape({ version: number, generation: number, hash: text }) });

/**
 * `ignored`: of a type this release does not know. `newer`: a document of a release to come, to be refused by its name. `malformed`: with the
 * reason, fit for a close frame.
 */
export type Read<M> =
  | { readonly kind: 'message'; readonly message: M }
  | { readonly kind: 'newer'; readonly version: number; readonly generation: number; readonly hash: string }
  | { readonly kind: 'ignored'; readonly type: string }
  | { readonly kind: 'malformed'; readonly reason: string };

/** Only documents have releases of their own, and hubs send none. */
export function readHubMessage(frame: string): Exclude<Read<HubMessage>, { readonly kind: 'newer' }> {
  return read(hubMessages, frame) as ReturnType<typeof readHubMessage>;
}

export function readOperatorMessage(frame: string): Read<OperatorMessage> {
  return read(operatorMessages, frame) as Read<OperatorMessage>;
}

interface Envelope {
  readonly document: { readonly version: number; readonly generation: number; readonly hash: string };
}

function read(table: Readonly<Record<string, Check>>, frame: string): Read<unknown> {
  let value: unknown;
  try {
    value = JSON.parse(frame);
  } catch {
    return { kind: 'malformed', reason: 'not JSON' };
  }
  if (!isPlainObject(value) || typeof value['type'] !== 'string')
    return { kind: 'malformed', reason: 'a message is an object with a type' };
  const { type } = value;
  const check = Object.hasOwn(table, type) ? table[type] : undefined;
  if (check === undefined) return { kind: 'ignored', type: type.slice(0, 64) };
  if (check(value)) return { kind: 'message', message: value };
  if (type === 'config' && anyDocument(value)) {
    const { version, generation, hash } = (value as unknown as Envelope).document;
    if (version > documentVersion) return { kind: 'newer', version, generation, hash };
  }
  return { kind: 'malformed', reason: `a ${type} message lacks something` };
}
