/**
 * The number beside a document's hash, and the document as it stands in the config Secret.
 *
 * A number is never used for two contents. It stands in an annotation of the config Secret and is raised under that Secret's version, so two
 * leaders cannot both take it. Should the Secret be lost, what status and replicas remember keeps the count going. Pure.
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

/** The document with its number: the one it has, if the content is the same; else one above all that are known. */
export function number(content: HubDocumentContent, last: Numbered | undefined, known: readonly number[]): HubDocument {
  const { hash } = hubDocument({ ...content, generation: 0 });
  const generation = last?.hash === hash ? last.generation : Math.max(0, last?.generation ?? 0, ...known) + 1;
  return hubDocument({ ...content, generation });
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
