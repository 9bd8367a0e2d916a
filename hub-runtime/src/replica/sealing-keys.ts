/** The keys that all replicas of the hub seal with, from the mounted Secret. */
import { hubSecretFiles } from '@quaymaster/crds';

const keyBytes = 32;

export interface SealingKeys {
  readonly current: Buffer;
  /** Only while a rotation lasts. */
  readonly previous: Buffer | undefined;
}

/** Undefined: the Secret is not there yet. Throws for keys that are none. */
export function sealingKeysOf(files: ReadonlyMap<string, Buffer>): SealingKeys | undefined {
  const current = files.get(hubSecretFiles.sealingKey);
  if (current === undefined) return undefined;
  const previous = files.get(hubSecretFiles.previousSealingKey);
  for (const [name, key] of [
    [hubSecretFiles.sealingKey, current],
    [hubSecretFiles.previousSealingKey, previous],
  ] as const)
    if (key !== undefined && key.length !== keyBytes)
      throw new RangeError(`the sealing key "${name}" has ${key.length} bytes instead of ${keyBytes}`);
  return { current, previous };
}
