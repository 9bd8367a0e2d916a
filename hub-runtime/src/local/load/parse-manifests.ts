/**
 * Reads one text of manifests: several YAML documents, or JSON (YAML reads it as it is). Scalars mean what they mean to kubectl.
 *
 * It decides only whether a document is an object with kind and name; whether it is a good one is decided by `project/`.
 * Bounds: documents per text, aliases per document (a few lines of aliases can unfold to gigabytes).
 */
import type { ManifestObject } from '@quaymaster/crds';
import { type Document, isMap, isSeq, LineCounter, parseAllDocuments } from 'yaml';

import { type Problem, problem } from '../problems/index.ts';
import { kubectlScalars, surprisingWords } from './kubectl-scalars.ts';
import { type Locate, locator } from './locate.ts';
import type { SourceText } from './read-sources.ts';

export const maxDocuments = 1000;
const maxAliases = 100;

export interface LoadedObject {
  readonly object: ManifestObject;
  readonly file: string;
  /** Against which `roots[].directory` and relative commands count. */
  readonly directory: string;
  readonly locate: Locate;
}

export interface ManifestsParsed {
  readonly objects: readonly LoadedObject[];
  readonly problems: readonly Problem[];
  /** Something in it cannot be told what it is: half-written, no YAML, or without kind and name. */
  readonly broken: boolean;
}

export function parseManifests(source: SourceText): ManifestsParsed {
  const { file } = source;
  const counter = new LineCounter();
  const objects: LoadedObject[] = [];
  const problems: Problem[] = [];
  const documents = documentsOf(source.text, counter);
  if (documents.length > maxDocuments) {
    problems.push(problem('error', `more than ${maxDocuments} documents`, 'split the file', { file }));
    return { objects, problems, broken: true };
  }
  let broken = false;
  for (const document of documents) {
    const fault = document.errors[0];
    if (fault !== undefined) {
      const at = fault.linePos?.[0];
      const position = at === undefined ? undefined : { line: at.line, column: at.col };
      problems.push(
        problem('error', plainMessage(fault.message), 'correct the syntax; nothing of this file is used until then', {
          file,
          position,
        }),
      );
      broken = true;
      continue;
    }
    takeDocument(source, document, counter, objects, problems);
  }
  return { objects: broken ? [] : objects, problems, broken: problems.some((one) => one.level !== 'note') };
}

function documentsOf(text: string, counter: LineCounter): Document.Parsed[] {
  const all = parseAllDocuments(text, {
    lineCounter: counter,
    uniqueKeys: true,
    customTags: kubectlScalars,
    prettyErrors: true,
    logLevel: 'silent',
  });
  return Array.isArray(all) ? (all as Document.Parsed[]) : [];
}

function takeDocument(
  source: SourceText,
  document: Document.Parsed,
  counter: LineCounter,
  objects: LoadedObject[],
  problems: Problem[],
): void {
  const { file } = source;
  const locate = locator(document.contents, counter);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: maxAliases });
  } catch (error) {
    problems.push(
      problem('error', `${(error as Error).message}`, 'write the values out', { file, position: locate('') }),
    );
    return;
  }
  // What stands between two --- may be nothing.
  if (value === null) return;
  for (const { word, value: meant, offset } of surprisingWords(document)) {
    const { line, col } = counter.linePos(offset);
    const message = `${word} without quotes is the boolean ${meant}, here as for kubectl`;
    problems.push(problem('note', message, `write "${word}" for the text`, { file, position: { line, column: col } }));
  }
  if (isRecord(value) && value['kind'] === 'List' && Array.isArray(value['items'])) {
    const items = isMap(document.contents) ? document.contents.get('items', true) : undefined;
    const nodes: readonly unknown[] = isSeq(items) ? items.items : [];
    if (value['items'].length > maxDocuments)
      problems.push(
        problem('error', `more than ${maxDocuments} items`, 'split the list', { file, position: locate('items') }),
      );
    else
      value['items'].forEach((item, index) =>
        takeObject(source, item, locator(nodes[index], counter), objects, problems),
      );
    return;
  }
  takeObject(source, value, locate, objects, problems);
}

function takeObject(
  source: SourceText,
  value: unknown,
  locate: Locate,
  objects: LoadedObject[],
  problems: Problem[],
): void {
  const { file, directory } = source;
  const refuse = (message: string, next: string, path = ''): void => {
    problems.push(problem('error', message, next, { file, position: locate(path), path }));
  };
  const fix = 'a manifest has apiVersion, kind, metadata.name and spec';
  if (!isRecord(value)) return refuse('the document is not an object', fix);
  if (typeof value['kind'] !== 'string') return refuse('kind is missing or no string', fix, 'kind');
  if (typeof value['apiVersion'] !== 'string')
    return refuse('apiVersion is missing or no string', 'write apiVersion: quaymaster.dev/v1alpha1', 'apiVersion');
  const metadata = value['metadata'];
  if (!isRecord(metadata)) return refuse('metadata is missing or no object', 'write metadata: {name: ...}', 'metadata');
  if (typeof metadata['name'] !== 'string' || metadata['name'] === '')
    return refuse('the name is missing or no string', 'write metadata: {name: ...}', 'metadata.name');
  const namespace = metadata['namespace'];
  if (namespace !== undefined && typeof namespace !== 'string')
    return refuse('the namespace is no string', 'quote it', 'metadata.namespace');
  const line = locate('')?.line;
  const object = { ...value, origin: { file, ...(line === undefined ? {} : { line }) } } as unknown as ManifestObject;
  objects.push({ object, file, directory, locate });
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The library draws the line below its first sentence; our line has a place of its own. */
function plainMessage(message: string): string {
  const first = message.split('\n')[0] ?? message;
  return first.replace(/ at line \d+, column \d+:?$/, '').replace(/:$/, '');
}
