/** One document of a manifest as it was read: nothing is checked yet, `spec` may be anything. */
export interface ManifestObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ManifestMetadata;
  readonly spec?: unknown;
  readonly status?: unknown;
  /** Secret and ConfigMap: only the key names are ever looked at here. */
  readonly data?: Readonly<Record<string, unknown>>;
  readonly stringData?: Readonly<Record<string, unknown>>;
  /** Where it was read, for messages. Never part of a hash. */
  readonly origin?: ManifestOrigin;
}

export interface ManifestMetadata {
  readonly name: string;
  /** Absent means `default`. */
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly generation?: number;
  readonly uid?: string;
}

export interface ManifestOrigin {
  readonly file: string;
  readonly line?: number;
}

export const apiGroup = 'quaymaster.dev';
export const apiVersion = 'quaymaster.dev/v1alpha1';
export const defaultNamespace = 'default';

/** `namespace/name`, the key under which servers and hubs are known everywhere. */
export function objectKey(object: ManifestObject): string {
  return `${object.metadata.namespace ?? defaultNamespace}/${object.metadata.name}`;
}

/** How messages name an object: kind, key and, when known, file and line. */
export function describeObject(object: ManifestObject): string {
  return `${object.kind} ${objectKey(object)}${describeOrigin(object.origin)}`;
}

export function describeOrigin(origin: ManifestOrigin | undefined): string {
  if (origin === undefined) return '';
  return origin.line === undefined ? ` (${origin.file})` : ` (${origin.file}:${origin.line})`;
}
