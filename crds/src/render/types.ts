/** What the renderers take and give. */
import type { ConditionDraft } from '../conditions/index.ts';
import type { HubOutcome, ServerOutcome } from '../compile/index.ts';
import type { RenderSettings } from './settings.ts';

export interface KubeMetadata {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller: boolean;
  readonly blockOwnerDeletion: boolean;
}

/** An object as it is applied. Keys are sorted at every depth, so equal objects are equal texts. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: KubeMetadata;
  readonly spec?: Json;
  readonly automountServiceAccountToken?: boolean;
}

/** A part of an object. */
export type Json = Readonly<Record<string, unknown>>;

export interface Rendered {
  /** In the order in which they are applied; empty when nothing may run. */
  readonly objects: readonly KubeObject[];
  /** What a cluster cannot do for this object, as conditions. */
  readonly problems: readonly ConditionDraft[];
}

interface RenderInput {
  readonly settings: RenderSettings;
  /** An autoscaler owns the number of replicas: the field is left to it. */
  readonly autoscaled?: boolean;
}

export interface RenderServerInput extends RenderInput {
  readonly outcome: ServerOutcome;
  /** Content hashes by `Secret/<name>` and `ConfigMap/<name>`. What the server does not refer to is ignored. */
  readonly checksums?: Readonly<Record<string, string>>;
}

export interface RenderHubInput extends RenderInput {
  readonly outcome: HubOutcome;
}
