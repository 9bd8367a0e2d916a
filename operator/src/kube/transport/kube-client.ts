/**
 * The typed verbs over a transport. One client per purpose: the writer of a leader carries its fence as `guard`, so that no path to a
 * write goes round it; the lease itself uses a client without.
 */
import {
  apiVersionOf,
  type KubeList,
  type KubeObject,
  placeOf,
  type Resource,
  resourcePath,
} from '../objects/index.ts';
import type { Guard } from './answer-handlers.ts';
import type { KubeAnswer, KubeRequest, Query, Transport } from './create-transport.ts';

export interface ClientOptions {
  /** Runs before every write, and again right before its bytes leave. */
  readonly guard?: Guard;
  /** Passes the client's own rate limit. */
  readonly urgent?: boolean;
  readonly timeoutMs?: number;
}

/** Metadata of all objects, without their content. */
const metadataList = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';

export interface ListOptions {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly limit?: number | undefined;
  readonly continue?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly metadataOnly?: boolean;
}

export interface ApplyOptions {
  readonly manager: string;
  readonly force?: boolean;
  readonly subresource?: string;
  readonly dryRun?: boolean;
}

export interface DeleteOptions {
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly propagation?: 'Background' | 'Foreground' | 'Orphan';
}

export interface KubeClient {
  readonly transport: Transport;
  get<T extends KubeObject>(
    resource: Resource,
    namespace: string | undefined,
    name: string,
    signal?: AbortSignal,
  ): Promise<T>;
  list(resource: Resource, options: ListOptions, signal?: AbortSignal): Promise<KubeList>;
  create<T extends KubeObject>(resource: Resource, object: T, query?: Query, signal?: AbortSignal): Promise<T>;
  replace<T extends KubeObject>(resource: Resource, object: T, query?: Query, signal?: AbortSignal): Promise<T>;
  /** JSON merge patch. */
  merge<T extends KubeObject>(
    resource: Resource,
    target: KubeObject,
    patch: unknown,
    query?: Query,
    signal?: AbortSignal,
  ): Promise<T>;
  /** Server-side apply. `created` tells whether the object is new. */
  apply<T extends KubeObject>(
    resource: Resource,
    object: KubeObject,
    options: ApplyOptions,
    signal?: AbortSignal,
  ): Promise<{ readonly object: T; readonly created: boolean }>;
  delete(resource: Resource, target: KubeObject, options?: DeleteOptions, signal?: AbortSignal): Promise<void>;
}

export function createKubeClient(transport: Transport, options: ClientOptions = {}): KubeClient {
  const send = (request: KubeRequest, signal: AbortSignal | undefined): Promise<KubeAnswer> =>
    transport.send(
      {
        ...request,
        ...(options.urgent === true ? { urgent: true } : {}),
        ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
      },
      signal,
    );
  const write = async (request: KubeRequest, signal: AbortSignal | undefined): Promise<KubeAnswer> => {
    options.guard?.();
    return send({ ...request, guard: options.guard }, signal);
  };
  return {
    transport,
    async get(resource, namespace, name, signal) {
      const answer = await send({ method: 'GET', path: resourcePath(resource, { namespace, name }) }, signal);
      return answer.body as never;
    },
    async list(resource, list, signal) {
      const { namespace, metadataOnly, ...query } = list;
      const accept = metadataOnly === true ? { accept: metadataList } : {};
      const answer = await send(
        { method: 'GET', path: resourcePath(resource, { namespace }), query, ...accept },
        signal,
      );
      return answer.body as KubeList;
    },
    async create(resource, object, query, signal) {
      const path = resourcePath(resource, { namespace: object.metadata.namespace });
      return (await write({ method: 'POST', path, query, body: object }, signal)).body as never;
    },
    async replace(resource, object, query, signal) {
      return (
        await write({ method: 'PUT', path: resourcePath(resource, placeOf(object)), query, body: object }, signal)
      ).body as never;
    },
    async merge(resource, target, patch, query, signal) {
      const path = resourcePath(resource, placeOf(target));
      const contentType = 'application/merge-patch+json';
      return (await write({ method: 'PATCH', path, query, body: patch, contentType }, signal)).body as never;
    },
    async apply(resource, object, apply, signal) {
      const answer = await write(
        {
          method: 'PATCH',
          path: resourcePath(resource, { ...placeOf(object), subresource: apply.subresource }),
          query: {
            fieldManager: apply.manager,
            force: apply.force === true ? true : undefined,
            dryRun: apply.dryRun === true ? 'All' : undefined,
          },
          // JSON is YAML; this type is understood by every version that has server-side apply.
          contentType: 'application/apply-patch+yaml',
          body: { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind },
        },
        signal,
      );
      return { object: answer.body as never, created: answer.status === 201 };
    },
    async delete(resource, target, remove = {}, signal) {
      const { uid, resourceVersion, propagation } = remove;
      const body = {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        propagationPolicy: propagation ?? 'Background',
        preconditions: {
          ...(uid === undefined ? {} : { uid }),
          ...(resourceVersion === undefined ? {} : { resourceVersion }),
        },
      };
      await write({ method: 'DELETE', path: resourcePath(resource, placeOf(target)), body }, signal);
    },
  };
}
