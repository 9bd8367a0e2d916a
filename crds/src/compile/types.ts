/** What the compiler takes and gives. */
import type { ConditionDraft } from '../conditions/index.ts';
import type { HubConfig, ServerConfig } from '../hub-config/index.ts';
import type { ManifestObject } from '../manifest/index.ts';
import type { Issue } from '../validate/index.ts';
import type { CompileMemo } from './memo.ts';

export interface CompileOptions {
  /** Full validation including CEL rules (`loadValidator()`). Without it only the structural schema is checked. */
  readonly validate?: (object: ManifestObject) => readonly Issue[];
  /**
   * Keys of a Secret or ConfigMap that is not among the objects (environment file, keychain, API server), or undefined when there is none.
   * Must answer the same for the same input: `compile` stays pure only as far as this does.
   */
  readonly lookup?: (kind: 'Secret' | 'ConfigMap', namespace: string, name: string) => Iterable<string> | undefined;
  /** Why the driver cannot look into a Secret or ConfigMap (it may not, or reading fails); undefined when it can. As pure as `lookup`. */
  readonly unreadable?: (kind: 'Secret' | 'ConfigMap', namespace: string, name: string) => string | undefined;
  /** From `createCompileMemo()`: makes the next compilation of almost the same objects cheap, and changes nothing else. */
  readonly memo?: CompileMemo;
}

interface Outcome {
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  /** The manifest this speaks of; of duplicates the first by namespace, name and place. */
  readonly object: ManifestObject;
  /** In the running configuration (of at least one hub). */
  readonly active: boolean;
  /** Accepted, ResolvedRefs, and what else is known before anything runs. */
  readonly conditions: readonly ConditionDraft[];
  readonly issues: readonly Issue[];
}

export interface ServerOutcome extends Outcome {
  /** With the hub defaults for what a hub decides (call timeouts); absent when refused. */
  readonly config?: ServerConfig;
  /** Keys of the hubs that offer it, sorted. */
  readonly hubs: readonly string[];
}

export interface HubOutcome extends Outcome {
  readonly config?: HubConfig;
  /** Keys of the servers it selects, refused ones included, sorted. */
  readonly selected: readonly string[];
}

/** A document that is no kind of ours, and no Secret or ConfigMap either. */
export interface RefusedObject {
  readonly object: ManifestObject;
  readonly conditions: readonly ConditionDraft[];
  readonly issues: readonly Issue[];
}

export interface Compiled {
  /** Configurations of the accepted hubs, sorted by namespace and name. */
  readonly hubs: readonly HubConfig[];
  readonly servers: readonly ServerOutcome[];
  readonly hubOutcomes: readonly HubOutcome[];
  readonly refused: readonly RefusedObject[];
}
