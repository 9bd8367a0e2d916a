/**
 * Reads a whole kind by paged lists, the way in when the server cannot stream it. Pages come from one snapshot; when that is compacted away
 * half-way (410), the list begins once more, and then in one piece, which cannot expire.
 */
import { apiVersionOf, type KubeObject, type Resource } from '../objects/index.ts';
import { isExpired, type KubeClient, KubeError } from '../transport/index.ts';
import type { Scope } from './reflector-types.ts';

interface ListScope extends Scope {
  readonly metadataOnly: boolean;
}

export interface Snapshot {
  readonly objects: readonly KubeObject[];
  readonly version: string | undefined;
}

/** 100,000 objects at the usual page size: beyond that something repeats the same page. */
const maxPages = 1000;

export async function listAll(
  client: KubeClient,
  resource: Resource,
  scope: ListScope,
  pageSize: number,
  signal: AbortSignal,
): Promise<Snapshot> {
  for (const limit of [pageSize, pageSize, undefined]) {
    try {
      return await listOnce(client, resource, scope, limit, signal);
    } catch (error) {
      if (!isExpired(error) || limit === undefined) throw error;
    }
  }
  throw new KubeError('KUBE_PROTOCOL', `LIST ${resource.plural}: unreachable`);
}

async function listOnce(
  client: KubeClient,
  resource: Resource,
  scope: ListScope,
  limit: number | undefined,
  signal: AbortSignal,
): Promise<Snapshot> {
  const objects: KubeObject[] = [];
  const apiVersion = apiVersionOf(resource);
  let token: string | undefined;
  for (let page = 0; page < maxPages; page++) {
    const list = await client.list(resource, { ...scope, limit, continue: token }, signal);
    // Items of a list carry no type of their own; a watch's do. The cache holds one shape.
    for (const item of list.items ?? []) objects.push({ ...item, apiVersion, kind: resource.kind });
    token = list.metadata.continue;
    if (token === undefined || token === '') return { objects, version: list.metadata.resourceVersion };
  }
  throw new KubeError('KUBE_PROTOCOL', `LIST ${resource.plural}: over ${maxPages} pages`);
}
