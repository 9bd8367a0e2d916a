/**
 * Recognises the configuration files of MCP clients and takes their servers out, with positions.
 *
 * `.mcp.json`, Claude Desktop and Cursor hold `mcpServers`; VS Code holds `servers` (and `inputs`), or both under `mcp` in its settings.
 * All of them are JSON that people write comments into, so it is read as JSONC.
 */
import { type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';

import { type Position, type Problem, problem } from '../problems/index.ts';

export interface ClientEntry {
  readonly name: string;
  readonly value: unknown;
  readonly position: Position;
}

export interface ClientInput {
  readonly id: string;
  readonly default: string | undefined;
  readonly description: string;
}

export interface ClientShape {
  readonly dialect: 'mcpServers' | 'vscode';
  readonly servers: readonly ClientEntry[];
  readonly inputs: readonly ClientInput[];
}

/** Largest number of servers taken from one file. */
const maxClientServers = 200;

export interface ClientRead {
  /** Undefined when the text is no client file at all. */
  readonly shape: ClientShape | undefined;
  readonly problems: readonly Problem[];
  /** It is one, but cannot be read to its end. */
  readonly broken: boolean;
}

export function readClientFile(file: string, text: string): ClientRead {
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true, disallowComments: false });
  const holder = root === undefined ? undefined : serversOf(root);
  const fault = errors[0];
  // Half-written files still show what they are by their first keys; anything else is left to the manifest reader.
  if (holder === undefined) return { shape: undefined, problems: [], broken: false };
  if (fault !== undefined) {
    const found = problem(
      'error',
      `${words(printParseErrorCode(fault.error))}`,
      'correct the JSON; nothing of this file is used until then',
      {
        file,
        position: positionAt(text, fault.offset),
      },
    );
    return { shape: undefined, problems: [found], broken: true };
  }
  const entries = (holder.servers.children ?? []).map((property) => entryOf(property, text));
  if (entries.length > maxClientServers) {
    const position = positionAt(text, holder.servers.offset);
    const found = problem('error', `more than ${maxClientServers} servers`, 'split the file', { file, position });
    return { shape: undefined, problems: [found], broken: true };
  }
  return {
    shape: { dialect: holder.dialect, servers: entries, inputs: inputsOf(holder.inputs) },
    problems: [],
    broken: false,
  };
}

interface Holder {
  readonly dialect: ClientShape['dialect'];
  readonly servers: Node;
  readonly inputs: Node | undefined;
}

function serversOf(root: Node): Holder | undefined {
  const classic = member(root, 'mcpServers');
  if (classic?.type === 'object') return { dialect: 'mcpServers', servers: classic, inputs: member(root, 'inputs') };
  // A manifest may have any field of its own; it never lacks both of these.
  if (member(root, 'apiVersion') !== undefined || member(root, 'kind') !== undefined) return undefined;
  const settings = member(root, 'mcp');
  for (const node of [root, settings]) {
    const servers = node === undefined ? undefined : member(node, 'servers');
    if (node !== undefined && servers?.type === 'object')
      return { dialect: 'vscode', servers, inputs: member(node, 'inputs') };
  }
  return undefined;
}

function member(node: Node, key: string): Node | undefined {
  if (node.type !== 'object') return undefined;
  const found = node.children?.find((property) => property.children?.[0]?.value === key);
  return found?.children?.[1];
}

function entryOf(property: Node, text: string): ClientEntry {
  const [key, value] = property.children ?? [];
  return {
    name: String(key?.value ?? ''),
    value: value === undefined ? undefined : plain(value),
    position: positionAt(text, property.offset),
  };
}

function inputsOf(node: Node | undefined): ClientInput[] {
  if (node?.type !== 'array') return [];
  const out: ClientInput[] = [];
  for (const child of node.children ?? []) {
    const value = plain(child) as Record<string, unknown> | null;
    const id = value?.['id'];
    if (typeof id !== 'string') continue;
    const fallback = value?.['default'];
    out.push({
      id,
      default: typeof fallback === 'string' ? fallback : undefined,
      description: typeof value?.['description'] === 'string' ? value['description'] : id,
    });
  }
  return out;
}

/** Without prototype tricks: `__proto__` becomes an own key. */
function plain(node: Node): unknown {
  if (node.type === 'array') return (node.children ?? []).map(plain);
  if (node.type !== 'object') return node.value as unknown;
  const out: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const property of node.children ?? []) {
    const [key, value] = property.children ?? [];
    if (key !== undefined && value !== undefined) out[String(key.value)] = plain(value);
  }
  return out;
}

export function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset);
  const line = before.split('\n').length;
  return { line, column: offset - before.lastIndexOf('\n') };
}

/** `ValueExpected` -> `value expected`. */
function words(code: string): string {
  return code.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
}
