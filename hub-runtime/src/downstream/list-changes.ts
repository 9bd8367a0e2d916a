/** List changes as the notifications of both eras: one per list, however many parts of it changed. */
import type { ListKind } from '../exchange/index.ts';
import { type RawJson, rawOf } from '../wire/index.ts';

export type ListFilter = 'toolsListChanged' | 'promptsListChanged' | 'resourcesListChanged';

export interface ChangedList {
  readonly filter: ListFilter;
  readonly method: string;
  /** Without params: what a legacy client gets. */
  readonly message: RawJson;
}

export const listFilters: readonly ListFilter[] = ['toolsListChanged', 'promptsListChanged', 'resourcesListChanged'];

const tools = changed('tools');
const prompts = changed('prompts');
const resources = changed('resources');
const byKind: Readonly<Record<ListKind, ChangedList>> = {
  tools,
  prompts,
  resources,
  resourceTemplates: resources,
};

/** For a stream that cannot know what it has missed. */
export const allListChanges: readonly RawJson[] = [tools, prompts, resources].map(({ message }) => message);

export function changedNotifications(kinds: readonly ListKind[]): readonly ChangedList[] {
  return [...new Set(kinds.map((kind) => byKind[kind]))];
}

function changed(list: 'tools' | 'prompts' | 'resources'): ChangedList {
  const method = `notifications/${list}/list_changed`;
  return { filter: `${list}ListChanged`, method, message: rawOf({ jsonrpc: '2.0', method }) };
}
