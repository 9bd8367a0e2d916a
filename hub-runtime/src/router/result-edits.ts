/**
 * Edits inside results, for the few calls that need one.
 *
 *  URIs:  links and embedded resources carry the URI under which the client can read them here. Only for servers whose URIs are not
 *         unambiguous in this hub, and only after a search for `"uri"` found something.
 *  Wrap:  structuredContent that is no object, or whose schema was wrapped in the list, becomes `{"result": ...}` for legacy clients.
 * Values are cut out and put back as bytes; nothing is parsed into objects. A result without such parts is returned as it is.
 */
import {
  editObject,
  findMember,
  memberRaw,
  memberString,
  type RawJson,
  scanArray,
  type ScannedObject,
  scanObject,
} from '../wire/index.ts';

export type ExposeUri = (uri: string) => string;

/** The result was within the limits when it arrived; an edit adds one level at most. */
const unbounded = { depth: 4_096, nodes: Number.MAX_SAFE_INTEGER } as const;

/** List member of the result that may hold URIs, by method. */
const listMember: Readonly<Record<string, string>> = {
  'tools/call': 'content',
  'prompts/get': 'messages',
  'resources/read': 'contents',
};

export function exposeUris(result: ScannedObject, method: string, expose: ExposeUri): ScannedObject {
  const key = listMember[method];
  const list = key === undefined ? undefined : memberRaw(result, key);
  if (key === undefined || list === undefined || !list.includes('"uri"')) return result;
  const items = scanArray(list, unbounded);
  if (items === undefined) return result;
  let changed = false;
  const edited = items.map((item) => {
    const next = item.includes('"uri"') ? editItem(item, method, expose) : item;
    if (next !== item) changed = true;
    return next;
  });
  return changed ? withMember(result, key, `[${edited.join(',')}]` as RawJson) : result;
}

function editItem(item: RawJson, method: string, expose: ExposeUri): RawJson {
  const object = scanObject(item, unbounded);
  if (object === undefined) return item;
  if (method === 'resources/read') return editUri(object, item, expose);
  if (method === 'tools/call') return editBlock(object, item, expose);
  const content = memberRaw(object, 'content');
  const block = content === undefined ? undefined : scanObject(content, unbounded);
  if (content === undefined || block === undefined) return item;
  const next = editBlock(block, content, expose);
  return next === content ? item : editObject(object, [['content', next]]);
}

/** A content block: `resource_link` carries the URI itself, `resource` in the resource it embeds. */
function editBlock(block: ScannedObject, raw: RawJson, expose: ExposeUri): RawJson {
  const type = memberString(block, 'type');
  if (type === 'resource_link') return editUri(block, raw, expose);
  const embedded = type === 'resource' ? memberRaw(block, 'resource') : undefined;
  const resource = embedded === undefined ? undefined : scanObject(embedded, unbounded);
  if (embedded === undefined || resource === undefined) return raw;
  const next = editUri(resource, embedded, expose);
  return next === embedded ? raw : editObject(block, [['resource', next]]);
}

function editUri(object: ScannedObject, raw: RawJson, expose: ExposeUri): RawJson {
  const uri = memberString(object, 'uri');
  if (uri === undefined) return raw;
  const exposed = expose(uri);
  return exposed === uri ? raw : editObject(object, [['uri', JSON.stringify(exposed) as RawJson]]);
}

/** For legacy clients. `always`: the tool's schema was wrapped, so objects are wrapped too. */
export function wrapStructured(result: ScannedObject, always: boolean): ScannedObject {
  const member = findMember(result, 'structuredContent');
  if (member === undefined) return result;
  if (!always && result.raw.charCodeAt(member.start) === 123) return result;
  return withMember(result, 'structuredContent', `{"result":${result.raw.slice(member.start, member.end)}}` as RawJson);
}

function withMember(result: ScannedObject, key: string, value: RawJson): ScannedObject {
  return scanObject(editObject(result, [[key, value]]), unbounded) ?? result;
}
