/**
 * The life of a hub's sealing key, as one pure step: what is there and what is asked for in, what should be there out.
 *
 * All replicas seal with one key, and a kubelet takes a minute or more to bring a changed Secret into a Pod, each in its own time. So a key
 * is changed in two steps: first the new one is announced (it stands where keys stand that open and never seal), and only when every replica
 * must have it, it seals; then the old one opens what it sealed until the oldest session is over. A change asked for meanwhile waits its turn.
 * A key is never overwritten: without a rotation nothing here changes a Secret that holds one.
 */
import { contentHash, hubSecretFiles } from '@quaymaster/crds';

import type { SecretContent } from './owned-secrets.ts';

export interface SealingTimes {
  /** Until every kubelet has brought an announced key into its Pods. */
  readonly announceMs: number;
  /** Until nothing sealed with the old key is valid any more: the longest age of a session. */
  readonly keepMs: number;
}

export const sealingTimes: SealingTimes = { announceMs: 5 * 60_000, keepMs: 7 * 24 * 3_600_000 };

/** On the hub: any new value asks for a new key. */
export const rotateAnnotation = 'quaymaster.dev/rotate-sealing';

const stepAnnotation = 'quaymaster.dev/sealing-step';
const sinceAnnotation = 'quaymaster.dev/sealing-since';
/** Hash of the value of `rotateAnnotation` that was obeyed last. */
const askedAnnotation = 'quaymaster.dev/sealing-asked';
const { sealingKey: current, previousSealingKey: previous } = hubSecretFiles;
const keyBytes = 32;

export interface SealingInput {
  /** Undefined: there is no Secret. */
  readonly live: SecretContent | undefined;
  /** Value of `rotateAnnotation` on the hub. */
  readonly asked: string | undefined;
  readonly now: number;
  readonly newKey: () => Buffer;
  readonly times: SealingTimes;
}

export interface SealingStep {
  /** Absent: nothing is to be written. */
  readonly write?: SecretContent;
  /** When to look again; absent: nothing is under way. */
  readonly againMs?: number;
}

export function sealingStep({ live, asked, now, newKey, times }: SealingInput): SealingStep {
  const fresh = (): string => newKey().toString('base64');
  const since = new Date(now).toISOString();
  const wanted = asked === undefined ? '' : contentHash(asked);
  const settled = { [stepAnnotation]: 'settled', [sinceAnnotation]: since, [askedAnnotation]: wanted };
  const key = live?.data[current];
  // Missing or cut by hand: nothing that it sealed can be saved.
  if (live === undefined || key === undefined || !isKey(key)) {
    return { write: { data: { [current]: fresh() }, annotations: settled } };
  }
  const other = live.data[previous];
  const annotations = live.annotations ?? {};
  const elapsed = now - Date.parse(annotations[sinceAnnotation] ?? '');
  const step = annotations[stepAnnotation];
  if (step === 'announced' && other !== undefined && isKey(other)) {
    // A time that cannot be read counts as over: a rotation must not hang.
    if (elapsed < times.announceMs) return { againMs: times.announceMs - elapsed };
    const replaced = { ...annotations, [stepAnnotation]: 'replaced', [sinceAnnotation]: since };
    return { write: { data: { [current]: other, [previous]: key }, annotations: replaced }, againMs: times.keepMs };
  }
  if (other !== undefined) {
    if (step === 'replaced' && elapsed < times.keepMs) return { againMs: times.keepMs - elapsed };
    const done = { ...annotations, [stepAnnotation]: 'settled', [sinceAnnotation]: since };
    return { write: { data: { [current]: key }, annotations: done } };
  }
  if (wanted === (annotations[askedAnnotation] ?? '') || asked === undefined) return {};
  const announced = { [stepAnnotation]: 'announced', [sinceAnnotation]: since, [askedAnnotation]: wanted };
  return {
    write: { data: { [current]: key, [previous]: fresh() }, annotations: announced },
    againMs: times.announceMs,
  };
}

function isKey(base64: string): boolean {
  return Buffer.from(base64, 'base64').length === keyBytes;
}
