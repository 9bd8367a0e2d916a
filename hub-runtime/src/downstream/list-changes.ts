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

const tools = changed('toolsListChanged', 'notifications/tools/list_changed');
const prompts = changed('promptsListChanged', 'notifications/prompts/list_changed');
const resources = changed('resourcesListChanged', 'notifications/resources/list_changed');
const byKind: Readonly<Record<ListKind, ChangedList>> = {
  tools,
  prompts,
  resources,
  resourceTemplates: resources,
};

export function changedNotifications(kinds: readonly ListKind[]): readonly ChangedList[] {
  return [...new Set(kinds.map((kind) => byKind[kind]))];
}

function changed(filter: ListFilter, method: string): ChangedList {
  return { filter, method, message: rawOf({ jsonrpc: '2.0', method }) };
}
