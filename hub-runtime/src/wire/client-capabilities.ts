/**
 * What a client can be asked, by what it declared (2026-07-28 MRTR; 2025-11-25 elicitation, sampling, roots).
 *
 * Pure, and off the path of calls without questions: `relayedCapabilities` is called once per distinct declaration (see its callers).
 */
import { editObject, memberRaw, memberString, objectRaw } from './edit.ts';
import { emptyObject, type RawJson } from './raw.ts';
import { scanObject } from './scan-values.ts';
import type { ScannedObject } from './scanner.ts';

/** As `requiredCapabilities` of error -32021 shows it: `{"elicitation":{"url":{}}}`. */
export type RequiredCapabilities = Readonly<Record<string, Readonly<Record<string, object>>>>;

/** The specification's questions of a server to its client. */
export function isQuestion(method: string): boolean {
  return method === 'elicitation/create' || method === 'sampling/createMessage' || method === 'roots/list';
}

/** Results that may be a question instead (2026-07-28 MRTR), and requests during which a legacy server asks. */
export function mayAsk(method: string): boolean {
  switch (method) {
    case 'tools/call':
    case 'prompts/get':
    case 'resources/read':
    // Of a legacy server: where a task asks (2025-11-25, tasks).
    case 'tasks/result':
      return true;
    default:
      return false;
  }
}

/** What the client lacks for a question; undefined: it can be asked. `declared` is its raw capabilities object. */
export function missingCapability(
  declared: RawJson,
  method: string,
  params: ScannedObject | undefined,
): RequiredCapabilities | undefined {
  switch (method) {
    case 'elicitation/create':
      return missingElicitation(declaredMember(declared, 'elicitation'), memberString(params, 'mode') === 'url');
    case 'sampling/createMessage': {
      const sampling = declaredMember(declared, 'sampling');
      if (memberRaw(params, 'tools') === undefined) return sampling === undefined ? { sampling: {} } : undefined;
      return memberRaw(sampling, 'tools') === undefined ? { sampling: { tools: {} } } : undefined;
    }
    case 'roots/list':
      return declaredMember(declared, 'roots') === undefined ? { roots: {} } : undefined;
    default:
      return undefined;
  }
}

/** `{}` means forms: what was declared before there was another mode. */
function missingElicitation(declared: ScannedObject | undefined, url: boolean): RequiredCapabilities | undefined {
  if (declared === undefined) return { elicitation: url ? { url: {} } : {} };
  if (url) return memberRaw(declared, 'url') === undefined ? { elicitation: { url: {} } } : undefined;
  const formsOnly = memberRaw(declared, 'form') !== undefined || memberRaw(declared, 'url') === undefined;
  return formsOnly ? undefined : { elicitation: { form: {} } };
}

function declaredMember(declared: RawJson, name: string): ScannedObject | undefined {
  const raw = memberRaw(scanObject(declared), name);
  return raw === undefined ? undefined : scanObject(raw);
}

const relayed: readonly string[] = ['elicitation', 'sampling', 'roots', 'experimental', 'extensions'];

/**
 * The part of a client's capabilities that a server may rely on through the hub: what the client declared and the hub carries, never more
 * (gateways, rule 5). The extension for tasks only where it is `carried`: from a modern client to a modern server. A client's own tasks
 * (`tasks` of 2025-11-25) never are.
 */
export function relayedCapabilities(declared: RawJson, carried: 'tasks' | 'noTasks' = 'noTasks'): RawJson {
  const object = declared === emptyObject ? undefined : scanObject(declared);
  if (object === undefined) return emptyObject;
  const dropped = object.members.map(({ key }) => key).filter((key) => !relayed.includes(key));
  const raw = memberRaw(object, 'extensions');
  const extensions = raw === undefined ? undefined : scanObject(raw);
  // No object, or one with a key twice: what it declares cannot be told.
  if (raw !== undefined && extensions === undefined) dropped.push('extensions');
  if (carried === 'tasks' || memberRaw(extensions, tasksExtension) === undefined)
    return dropped.length === 0 ? objectRaw(object) : editObject(object, [], dropped);
  return editObject(object, [['extensions', editObject(extensions, [], [tasksExtension])]], dropped);
}

export const tasksExtension = 'io.modelcontextprotocol/tasks';

export function declaresExtension(declared: RawJson, name: string): boolean {
  return memberRaw(declaredMember(declared, 'extensions'), name) !== undefined;
}

/** What is told to a server that all callers share and that is told once: everything the hub carries. */
export const allCapabilities =
  '{"elicitation":{"form":{},"url":{}},"sampling":{"tools":{},"context":{}},"roots":{}}' as RawJson;
