/** The lists of a scripted server: what stands in them, how they are paged, and how they change while it runs. */
import { RpcFailure, isObject, rpcCode } from './rpc.ts';
import type { JsonObject } from './rpc.ts';
import type { PromptScript, ResourceScript, ServerScript, ToolScript } from './script.ts';

export type ListName = 'tools' | 'resources' | 'resourceTemplates' | 'prompts';

const defaultTools: ToolScript[] = [
  { name: 'echo', description: 'Gives the arguments back as JSON text.' },
  { name: 'whoami', description: 'Tells pid, era, session and the request as it arrived.', does: { whoami: true } },
];

const anyObject = { type: 'object' };

export class Catalog {
  readonly tools = new Map<string, ToolScript>();
  readonly resources = new Map<string, ResourceScript>();
  readonly prompts = new Map<string, PromptScript>();
  readonly templates: (JsonObject & { uriTemplate: string; name: string })[];
  readonly #script: ServerScript;

  constructor(script: ServerScript) {
    this.#script = script;
    this.setTools([...(script.tools ?? defaultTools), ...generated(script)]);
    for (const one of script.resources ?? []) this.resources.set(one.uri, one);
    for (const one of script.prompts ?? []) this.prompts.set(one.name, one);
    this.templates = [...(script.resourceTemplates ?? [])];
  }

  setTools(tools: readonly ToolScript[]): void {
    this.tools.clear();
    for (const one of tools) this.tools.set(one.name, one);
  }

  /** Capabilities that follow from what the script has. */
  capabilities(): JsonObject {
    const script = this.#script;
    if (script.capabilities !== undefined) return script.capabilities;
    const found: JsonObject = { tools: { listChanged: true } };
    if (script.resources !== undefined || script.resourceTemplates !== undefined) {
      found['resources'] = { listChanged: true, subscribe: true };
    }
    if (script.prompts !== undefined) found['prompts'] = { listChanged: true };
    if (script.completions !== undefined) found['completions'] = {};
    return found;
  }

  /** One page. Cursors are the offset behind a fixed word, so that a foreign cursor is recognised. */
  page(list: ListName, params: JsonObject | undefined): JsonObject {
    const all = this.#entries(list);
    const size = this.#script.pageSize ?? Math.max(all.length, 1);
    const start = startOf(params?.['cursor'], all.length);
    const result: JsonObject = { [list]: all.slice(start, start + size) };
    if (start + size < all.length) result['nextCursor'] = `at:${start + size}`;
    return { ...result, ...this.#script.listExtra };
  }

  #entries(list: ListName): JsonObject[] {
    switch (list) {
      case 'tools':
        return [...this.tools.values()].map(toolEntry);
      case 'resources':
        return [...this.resources.values()].map(({ text: _text, blob: _blob, extra, ...entry }) => ({
          ...entry,
          ...extra,
        }));
      case 'prompts':
        return [...this.prompts.values()].map(({ messages: _messages, extra, ...entry }) => ({ ...entry, ...extra }));
      case 'resourceTemplates':
        return this.templates;
    }
  }
}

function toolEntry({ does: _does, needs: _needs, extra, ...entry }: ToolScript): JsonObject {
  return { ...entry, inputSchema: entry.inputSchema ?? anyObject, ...extra };
}

function startOf(cursor: unknown, length: number): number {
  if (cursor === undefined || cursor === '') return 0;
  const start = typeof cursor === 'string' && /^at:\d+$/.test(cursor) ? Number(cursor.slice(3)) : Number.NaN;
  if (Number.isNaN(start) || start > length) throw new RpcFailure(rpcCode.invalidParams, 'invalid cursor');
  return start;
}

function generated(script: ServerScript): ToolScript[] {
  const wanted = script.generateTools;
  if (wanted === undefined) return [];
  const description = 'x'.repeat(wanted.descriptionBytes ?? 60);
  return Array.from({ length: wanted.count }, (_, n) => ({
    name: `${wanted.prefix ?? 'tool'}_${String(n).padStart(4, '0')}`,
    description,
    inputSchema: { type: 'object', properties: { text: { type: 'string' } } },
  }));
}

/** Type guard for tools that arrive as arguments of the `control` tool. */
export function isToolScript(value: unknown): value is ToolScript {
  return isObject(value) && typeof value['name'] === 'string';
}
