/** Edits of messages as bytes, judged by parse, edit, stringify. Input: `{"object":…, "set":{…}, "drop":[…]}`. */
import {
  editObject,
  memberRaw,
  type MemberEdit,
  metaKey,
  missingCapability,
  modernEnvelope,
  modernRevision,
  parseRaw,
  type RawJson,
  relayedCapabilities,
  renderForLegacy,
  renderForModern,
  scanObject,
  traceMembers,
  upstreamMeta,
} from '../../../hub-runtime/src/wire/index.ts';
import { hold, type Target } from '../engine/target.ts';
import { entriesApart, isObject, own, parsed, parsedApart, same } from './reference.ts';

const info = '{"name":"hub","version":"1"}' as RawJson;
const context = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
const traced = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
const ofTrace = new Set(['traceparent', 'tracestate', 'baggage']);
const perHop = new Set<string>([
  metaKey.protocolVersion,
  metaKey.clientCapabilities,
  metaKey.clientInfo,
  metaKey.logLevel,
  metaKey.serverInfo,
  metaKey.subscriptionId,
  metaKey.progressToken,
]);

export const edits: Target = {
  name: 'edits',
  seeds: [
    '{"object":{"name":"t","arguments":{},"_meta":{"progressToken":1,"vendor/x":[2]}},"set":{"name":"u","uri":"x"},"drop":["arguments"]}',
    '{"object":{"resultType":"complete","content":[],"_meta":{"io.modelcontextprotocol/serverInfo":{}}},"set":{},"drop":[]}',
    '{"object":{ "a" : 1 ,"\\u0061b":[ ] },"set":{"ab":{"x":"y"}},"drop":["a","zz"]}',
    '{"object":{"elicitation":{"url":{}},"sampling":{"tools":{}},"extensions":{"io.modelcontextprotocol/tasks":{},"v/e":{}},"tasks":{}},"set":{},"drop":[]}',
    '{"object":{"_meta":{"dev.quaymaster/upstream":"forged","io.modelcontextprotocol/logLevel":"debug","traceparent":"00"}},"set":{},"drop":[]}',
  ],
  dictionary: [
    '"_meta":{',
    '"resultType":"complete",',
    '"resultType":"task",',
    '"dev.quaymaster/upstream":"x"',
    '"dev.quaymaster\\u002fupstream":"x"',
    '"io.modelcontextprotocol/protocolVersion":"2026-07-28"',
    '"io.modelcontextprotocol\\/protocolVersion":"1"',
    '"io.modelcontextprotocol/serverInfo":{}',
    '"io.modelcontextprotocol/subscriptionId":1',
    '"progressToken":"p",',
    '"ttlMs":1,',
    '"elicitation":{"form":{}}',
    '"extensions":{"io.modelcontextprotocol/tasks":{}}',
    '"tracestate":"x=y",',
    `"traceparent":"00-${'1'.repeat(32)}-${'2'.repeat(16)}-00",`,
    '"__proto__":{}',
    '"drop":["a"]',
    '"set":{"a":1}',
    '"object":{}',
  ],
  run(input) {
    const outer = scanObject(input as RawJson);
    const raw = memberRaw(outer, 'object');
    const object = raw === undefined ? undefined : scanObject(raw);
    if (outer === undefined || object === undefined || parsed(input) === undefined) return;
    const value = parseRaw(object.raw);
    if (!isObject(value)) return;
    judgeEdit(object, value, own(parsed(input)?.value, 'set'), own(parsed(input)?.value, 'drop'));
    judgeMeta(object, value);
    judgeResult(object, value);
    const relayed = parsed(relayedCapabilities(object.raw))?.value;
    hold(isObject(relayed), 'relayed capabilities are an object');
    hold(
      Object.keys(relayed).every((key) => Object.hasOwn(value, key)),
      'nothing is declared that the client did not declare',
    );
    hold(own(own(relayed, 'extensions'), 'io.modelcontextprotocol/tasks') === undefined, 'tasks are not relayed');
    for (const method of ['elicitation/create', 'sampling/createMessage', 'roots/list', 'x'])
      missingCapability(object.raw, method, object);
  },
};

function judgeEdit(
  object: NonNullable<ReturnType<typeof scanObject>>,
  value: Readonly<Record<string, unknown>>,
  set: unknown,
  drop: unknown,
): void {
  // Keys of edits are the hub's own: plain.
  const entries = isObject(set) ? Object.entries(set).filter(([key]) => /^[\w./-]+$/.test(key)) : [];
  const names = Array.isArray(drop) ? drop.filter((one): one is string => typeof one === 'string') : [];
  const dropped = names.filter((one) => /^[\w./-]+$/.test(one) && !entries.some(([key]) => key === one));
  if (entries.length > 30) return;
  const members = entries.map(([key, one]): MemberEdit => [
    key,
    Buffer.from(JSON.stringify(one)).toString('latin1') as RawJson,
  ]);
  const edited = parsed(editObject(object, members, dropped))?.value;
  const expected = new Map(Object.entries(value).filter(([key]) => !dropped.includes(key)));
  for (const [key, one] of entries) expected.set(key, JSON.parse(JSON.stringify(one)));
  hold(
    isObject(edited) && same(new Map(Object.entries(edited)), expected),
    'an edit does what it says and nothing else',
  );
}

function judgeMeta(object: NonNullable<ReturnType<typeof scanObject>>, value: Readonly<Record<string, unknown>>): void {
  const given = own(value, '_meta');
  const envelope = modernEnvelope(info, '{}' as RawJson);
  for (const [head, token, trace] of [
    ['', undefined, undefined],
    [envelope, 5, undefined],
    ['', 5, traceMembers({ traceparent: context, tracestate: 'a=b', baggage: 'c=d' })],
  ] as const) {
    const raw = upstreamMeta(object.meta, head, token, 'debug', undefined, trace);
    const meta = raw === undefined ? {} : parsed(raw)?.value;
    hold(isObject(meta), 'the meta of a hop is an object');
    if (raw !== undefined)
      hold(entriesApart(parsedApart(raw)).length === Object.keys(meta).length, 'no key stands twice in it');
    hold(
      own(meta, metaKey.protocolVersion) === (head === '' ? undefined : modernRevision),
      'the envelope is the hub’s',
    );
    hold(own(meta, metaKey.progressToken) === token, 'the progress token is the hub’s');
    hold(
      Object.keys(meta).every((key) => !key.startsWith('dev.quaymaster/')),
      'nobody forges what is the hub’s',
    );
    if (trace !== undefined) hold(traced.test(String(own(meta, 'traceparent'))), 'a trace goes on');
    for (const [key, one] of isObject(given) && object.meta !== undefined ? Object.entries(given) : [])
      if (!perHop.has(key) && !key.startsWith('dev.quaymaster/') && !ofTrace.has(key))
        hold(same(own(meta, key), one), 'the rest passes');
  }
}

function judgeResult(
  object: NonNullable<ReturnType<typeof scanObject>>,
  value: Readonly<Record<string, unknown>>,
): void {
  for (const era of ['modern', 'legacy'] as const) {
    const from = { result: object, era, server: 'srv' };
    const legacy = parsed(renderForLegacy(from))?.value;
    hold(isObject(legacy) && !Object.hasOwn(legacy, 'resultType'), 'an old client sees no resultType');
    hold(own(own(legacy, '_meta'), metaKey.upstream) === 'srv', 'results name their server');
    hold(own(own(legacy, '_meta'), metaKey.serverInfo) === undefined, 'an old client sees no new keys');
    const modernRaw = renderForModern(from, 'resources/read', info);
    const type = own(value, 'resultType');
    if (modernRaw === undefined) {
      hold(era === 'modern' && type !== undefined, 'only an unknown resultType is refused');
      continue;
    }
    const modern = parsed(modernRaw)?.value;
    hold(own(modern, 'resultType') === 'complete', 'a new client sees a complete result');
    hold(own(own(modern, '_meta'), metaKey.upstream) === 'srv', 'results name their server');
    for (const [key, one] of Object.entries(value))
      if (key !== '_meta' && key !== 'resultType')
        hold(
          same(own(modern, key), one),
          `the rest of a result passes: ${JSON.stringify([key, one, own(modern, key) ?? null])}`,
        );
  }
}
