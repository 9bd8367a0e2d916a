/** Manifests in, rendered objects out, for the tests of this room. */
import { compile } from '../compile/index.ts';
import type { HubOutcome, ServerOutcome } from '../compile/index.ts';
import type { ManifestObject } from '../manifest/index.ts';
import { assumeReferences, defaultRenderSettings, renderHub, renderServer } from './index.ts';
import type { KubeObject, Rendered, RenderHubInput, RenderServerInput, RenderSettings } from './index.ts';

export const settings: RenderSettings = defaultRenderSettings('1.2.3');
type Fields = Record<string, unknown>;

export function server(name: string, spec: Fields, metadata: Fields = {}): ManifestObject {
  return { apiVersion: 'quaymaster.dev/v1alpha1', kind: 'McpServer', metadata: { name, ...metadata }, spec };
}

export function hub(name: string, spec: Fields = {}, metadata: Fields = {}): ManifestObject {
  return {
    apiVersion: 'quaymaster.dev/v1alpha1',
    kind: 'McpHub',
    metadata: { name, ...metadata },
    spec: { servers: { selector: {} }, auth: { mode: 'none' }, ...spec },
  };
}

export function outcomes(objects: readonly ManifestObject[]): {
  readonly servers: readonly ServerOutcome[];
  readonly hubs: readonly HubOutcome[];
} {
  const compiled = compile(objects, { lookup: assumeReferences(objects) });
  return { servers: compiled.servers, hubs: compiled.hubOutcomes };
}

/** One server that a hub called desk offers. */
export function renderedServer(spec: Fields, more: Partial<RenderServerInput> = {}, metadata: Fields = {}): Rendered {
  const [outcome] = outcomes([server('files', spec, metadata), hub('desk')]).servers;
  return renderServer({ outcome: outcome as ServerOutcome, settings, ...more });
}

export function renderedHub(spec: Fields = {}, more: Partial<RenderHubInput> = {}, metadata: Fields = {}): Rendered {
  const [outcome] = outcomes([hub('desk', spec, metadata)]).hubs;
  return renderHub({ outcome: outcome as HubOutcome, settings, ...more });
}

/** The object of a kind; of several the first. */
export function find({ objects }: Rendered, kind: string): KubeObject {
  const found = objects.find((object) => object.kind === kind);
  if (found === undefined) throw new Error(`no ${kind} among ${objects.map((object) => object.kind).join(', ')}`);
  return found;
}

/* oxlint-disable typescript/no-explicit-any */
/** Rendered parts are read and broken freely here. */
export type Loose = any;

export function at(value: unknown, ...path: readonly (string | number)[]): any {
  return path.reduce((part: any, key) => part?.[key], value);
}

export function pod(rendered: Rendered): any {
  return at(find(rendered, 'Deployment'), 'spec', 'template', 'spec');
}
