/**
 * The number beside a document's hash, and the document as it stands in the config Secret.
 *
 * A number is never used for two contents. It stands in an annotation of the config Secret and is raised under that Secret's version, so two
 * leaders cannot both take it. Should the Secret be lost or the API server be restored to an older state, what status and replicas remember
 * keeps the count going: a replica never goes back (decision 9). Pure.
 */
import { gunzipSync, gzipSync } from 'node:zlib';

import { hubDocument, type HubDocument, hubSecretFiles, maxDocumentBytes } from '@quaymaster/crds';

import type { HubDocumentContent } from './document.ts';
import type { SecretContent } from './owned-secrets.ts';

export const generationAnnotation = 'quaymaster.dev/config-generation';
export const hashAnnotation = 'quaymaster.dev/config-hash';

export interface Numbered {
  readonly hash: string;
  readonly generation: number;
}

/** What the config Secret says it holds. */
export function numberedBy(annotations: Readonly<Record<string, string>>): Numbered | undefined {
  const generation = Number(annotations[generationAnnotation]);
  const hash = annotations[hashAnnotation];
  return hash === undefined || !Number.isSafeInteger(generation) || generation < 1 ? undefined : { hash, generation };
}

/** `3/3 at generation 42`, as status keeps it. */
export function generationOf(observedConfig: unknown): number {
  const found = typeof observedConfig === 'string' ? /at generation (\d{1,15})$/.exec(observedConfig)?.[1] : undefined;
  return found === undefined ? 0 : Number(found);
}

/** What is known of numbers that were given out. */
export interface KnownNumbers {
  /** What the config Secret holds. */
  readonly last: Numbered | undefined;
  /** What replicas run: after an API server was restored to an older state, they are ahead of everything it knows. */
  readonly running: readonly Numbered[];
  /** From places that do not say of what. */
  readonly others: readonly number[];
}

/** A replica that says more than this is out of its mind, and nobody follows it. */
const mostGenerations = 1e12;

/** The document with its number: the highest that is known, if that stands for this very content; else the next one. */
export function number(content: HubDocumentContent, { last, running, others }: KnownNumbers): HubDocument {
  const { hash } = hubDocument({ ...content, generation: 0 });
  const given = [
    ...(last === undefined ? [] : [last]),
    ...running.filter((each) => each.generation <= mostGenerations),
  ];
  const highest = Math.max(0, ...others, ...given.map((each) => each.generation));
  const holders = given.filter((each) => each.generation === highest);
  const stands = holders.length > 0 && holders.every((each) => each.hash === hash);
  return hubDocument({ ...content, generation: stands ? highest : highest + 1 });
}

/** Some replica runs something that this number does not allow for. */
export function isOutrun(document: Numbered, running: readonly Numbered[]): boolean {
  return running.some(
    ({ hash, generation }) =>
      generation <= mostGenerations &&
      (generation > document.generation || (generation === document.generation && hash !== document.hash)),
  );
}

/** Undefined: it does not fit. `ca` is the bundle that replicas trust on the control stream. */
export function configContent(document: HubDocument, ca: string): SecretContent | undefined {
  const packed = gzipSync(JSON.stringify(document), { level: 6 });
  if (packed.length > maxDocumentBytes) return undefined;
  return {
    data: {
      [hubSecretFiles.document]: packed.toString('base64'),
      [hubSecretFiles.authority]: Buffer.from(ca).toString('base64'),
    },
    annotations: { [generationAnnotation]: String(document.generation), [hashAnnotation]: document.hash },
  };
}

const mostUnpackedBytes = 64 * 1024 * 1024;

/** What a config Secret holds; undefined when it cannot be read (a hand was in it). */
export function documentIn(data: Readonly<Record<string, string>> | undefined): HubDocument | undefined {
  const packed = data?.[hubSecretFiles.document];
  if (packed === undefined) return undefined;
  try {
    const text = gunzipSync(Buffer.from(packed, 'base64'), { maxOutputLength: mostUnpackedBytes }).toString();
    const document = JSON.parse(text) as HubDocument;
    return hubDocument(document).hash === document.hash ? document : undefined;
  } catch {
    return undefined;
  }
}
