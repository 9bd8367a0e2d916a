/**
 * One server of a client file as manifests: an McpServer, and a Secret for what must not stand in it.
 *
 * Secret is what came out of a variable or input, and what looks like one by its name. What could not be mapped is said, per server;
 * a server that cannot work without it is left out.
 */
import type { ManifestObject } from '@quaymaster/crds';

import { isRecord } from '../load/index.ts';
import { type Problem, problem } from '../problems/index.ts';
import type { ClientEntry } from './client-shape.ts';
import { type ExpandContext, expand } from './expand.ts';
import { mapCommand } from './map-command.ts';

export interface MapContext extends ExpandContext {
  readonly file: string;
  /** Variables of an `envFile`; undefined when it cannot be read. */
  readonly readEnvFile: (name: string) => ReadonlyMap<string, string> | undefined;
}

export interface MappedServer {
  readonly objects: readonly ManifestObject[];
  readonly problems: readonly Problem[];
}

const known = new Set([
  'type',
  'transport',
  'command',
  'args',
  'env',
  'envFile',
  'cwd',
  'url',
  'serverUrl',
  'httpUrl',
  'headers',
  'disabled',
  'enabled',
  'timeout',
  'name',
  'description',
  'gallery',
  'autoApprove',
  'alwaysAllow',
  'dev',
  'version',
]);
const secretName = /(token|secret|passw|api[-_]?key|_key$|^key$|auth|cookie|credential)/i;

/** Collects what one server becomes, so that each field is one small function. */
interface Draft {
  readonly name: string;
  readonly context: MapContext;
  readonly secrets: Map<string, string>;
  readonly say: (level: Problem['level'], message: string, next?: string) => void;
  fatal: boolean;
}

export function mapServer(entry: ClientEntry, name: string, context: MapContext): MappedServer {
  const problems: Problem[] = [];
  const subject = `server "${entry.name}"`;
  const draft: Draft = {
    name,
    context,
    secrets: new Map(),
    fatal: false,
    say: (level, message, next = '') =>
      problems.push(problem(level, message, next, { file: context.file, position: entry.position, subject })),
  };
  const value = entry.value;
  if (!isRecord(value)) {
    draft.say('error', 'is not an object', 'give it a command or a url');
    return { objects: [], problems };
  }
  if (value['disabled'] === true || value['enabled'] === false) {
    draft.say('note', 'is disabled in the file and left out');
    return { objects: [], problems };
  }
  if (name !== entry.name)
    draft.say('note', `is called "${name}" here: object names are lower-case letters, digits and -`);
  const unknown = Object.keys(value).filter((key) => !known.has(key));
  if (unknown.length > 0) draft.say('warning', `not mapped: ${unknown.join(', ')}`);
  const spec = specOf(value, draft);
  if (spec === undefined || draft.fatal) return { objects: [], problems };
  return { objects: objectsOf(draft, spec, context.file), problems };
}

function specOf(value: Record<string, unknown>, draft: Draft): Record<string, unknown> | undefined {
  const type = text(value['type']) ?? text(value['transport']);
  const url = text(value['url']) ?? text(value['serverUrl']) ?? text(value['httpUrl']);
  const command = text(value['command']);
  if (url !== undefined && command !== undefined) {
    draft.say('error', 'has both a command and a url', 'keep the one that is meant');
    return undefined;
  }
  const timeouts = timeoutsOf(value['timeout'], draft);
  if (url !== undefined)
    return { source: { remote: remoteOf(url, value, draft) }, ...transportOf(type, url, draft), ...timeouts };
  if (command !== undefined) return { ...commandOf(command, value, draft), ...timeouts };
  draft.say('error', 'has neither a command nor a url', 'give it one of them');
  return undefined;
}

/** A WebSocket is told by its URL. */
function transportOf(type: string | undefined, url: string, draft: Draft): Record<string, unknown> {
  const isSocket = type === 'ws' || type === 'websocket';
  if (isSocket && /^https?:/.test(url))
    draft.say('error', `has type ${type}, but no ws:// or wss:// url`, 'correct one of them');
  if (isSocket && /^https?:/.test(url)) draft.fatal = true;
  return type === 'sse' ? { transport: 'sse' } : {};
}

function remoteOf(url: string, value: Record<string, unknown>, draft: Draft): Record<string, unknown> {
  const headers: unknown[] = [];
  for (const [name, raw] of Object.entries(recordOf(value['headers']))) {
    const found = secretOrText(name, raw, `header-${name.toLowerCase()}`, draft);
    if (found !== undefined) headers.push({ name, ...found });
  }
  return { url: inline(url, 'url', draft), ...(headers.length === 0 ? {} : { headers }) };
}

function commandOf(command: string, value: Record<string, unknown>, draft: Draft): Record<string, unknown> {
  const args = Array.isArray(value['args']) ? value['args'].map((one) => inline(String(one), 'args', draft)) : [];
  const mapped = mapCommand(inline(command, 'command', draft), args);
  if (mapped.note !== undefined) draft.say('note', mapped.note);
  const cwd = text(value['cwd']);
  const source = mapped.source as Record<string, Record<string, unknown>>;
  if (cwd !== undefined) {
    if (source['command'] !== undefined) source['command'] = { ...source['command'], cwd: inline(cwd, 'cwd', draft) };
    else draft.say('warning', 'cwd is not mapped: a package is started in its own directory');
  }
  const env = envOf(value, draft);
  return { source, ...(env.length === 0 ? {} : { env }) };
}

function envOf(value: Record<string, unknown>, draft: Draft): unknown[] {
  const entries = new Map<string, unknown>();
  const file = text(value['envFile']);
  if (file !== undefined) {
    const read = draft.context.readEnvFile(inline(file, 'envFile', draft));
    if (read === undefined) draft.say('warning', `envFile ${file} cannot be read`, 'check its path');
    for (const [name, one] of read ?? []) entries.set(name, reference(draft, name, one));
  }
  for (const [name, raw] of Object.entries(recordOf(value['env']))) {
    if (raw === null || raw === undefined) continue;
    const found = secretOrText(name, raw, name, draft);
    if (found !== undefined) entries.set(name, found);
  }
  return [...entries].map(([name, found]) => ({ name, ...(found as object) }));
}

/** A value of a variable or header: literal, or moved into the Secret of this server. */
function secretOrText(name: string, raw: unknown, key: string, draft: Draft): Record<string, unknown> | undefined {
  const expanded = expand(String(raw), draft.context);
  for (const one of expanded.missing) draft.say('error', `${name}: ${one}`);
  if (expanded.missing.length > 0) {
    draft.fatal = true;
    return undefined;
  }
  const secret = expanded.used.length > 0 || (secretName.test(name) && expanded.text !== '');
  return secret ? reference(draft, key, expanded.text) : { value: expanded.text };
}

function reference(draft: Draft, key: string, value: string): Record<string, unknown> {
  draft.secrets.set(key, value);
  return { valueFrom: { secretKeyRef: { name: secretOf(draft.name), key } } };
}

function secretOf(server: string): string {
  return `${server}-values`;
}

/** Fields without a place for references: the value itself ends up in them. */
function inline(raw: string, field: string, draft: Draft): string {
  const expanded = expand(raw, draft.context);
  for (const one of expanded.missing) draft.say('error', `${field}: ${one}`);
  if (expanded.missing.length > 0) draft.fatal = true;
  const secret = expanded.used.filter((name) => secretName.test(name));
  if (secret.length > 0)
    draft.say(
      'warning',
      `${field} holds the value of ${secret.join(', ')}, which others on this machine may see`,
      'pass it in env or headers, when the server can take it there',
    );
  return expanded.text;
}

function timeoutsOf(raw: unknown, draft: Draft): Record<string, unknown> {
  if (raw === undefined) return {};
  // Clients disagree on the unit: milliseconds in some, seconds in others. A wrong guess would be worse than none.
  draft.say(
    'note',
    'timeout is not mapped, since clients disagree on its unit',
    'set spec.timeouts.call on the McpServer',
  );
  return {};
}

function objectsOf(draft: Draft, spec: Record<string, unknown>, file: string): ManifestObject[] {
  const origin = { file };
  const server: ManifestObject = {
    apiVersion: 'quaymaster.dev/v1alpha1',
    kind: 'McpServer',
    metadata: { name: draft.name },
    spec,
    origin,
  };
  if (draft.secrets.size === 0) return [server];
  const stringData = Object.fromEntries(draft.secrets);
  const secret: ManifestObject = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: secretOf(draft.name) },
    stringData,
    origin,
  };
  return [server, secret];
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function recordOf(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}
