/**
 * The placeholders of client files: `${VAR}`, `${VAR:-default}`, `${env:VAR}`, `${input:id}` and the folders editors know.
 *
 * An expansion says what it used and what it could not find; it never guesses and never runs anything.
 */
import os from 'node:os';
import path from 'node:path';

import type { ClientInput } from './client-shape.ts';

export interface ExpandContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly inputs: readonly ClientInput[];
  /** Folder the editor would have open. */
  readonly workspace: string;
  /** What a variable without value means: the server is left out, or (for printing) the placeholder stays as it is. */
  readonly missing: 'refuse' | 'keep';
}

export interface Expansion {
  readonly text: string;
  /** Variables whose values are now in the text: such a text is treated as a secret. */
  readonly used: readonly string[];
  /** Each as one sentence. */
  readonly missing: readonly string[];
}

const placeholder = /\$\{([^}]*)\}/g;

export function expand(text: string, context: ExpandContext): Expansion {
  const used: string[] = [];
  const missing: string[] = [];
  const out = text.replace(placeholder, (whole, body: string) => {
    const found = resolve(body, context);
    if (found === undefined) return whole;
    if ('missing' in found) {
      if (context.missing === 'keep') used.push(body);
      else missing.push(found.missing);
      return whole;
    }
    if (found.variable !== undefined) used.push(found.variable);
    return found.value;
  });
  return { text: out, used, missing };
}

type Resolved = { readonly value: string; readonly variable?: string } | { readonly missing: string };

/** Undefined: no placeholder of ours; the text stays as it is. */
function resolve(body: string, context: ExpandContext): Resolved | undefined {
  const input = /^input:(.+)$/.exec(body)?.[1];
  if (input !== undefined) return resolveInput(input, context);
  const folder = folders(context.workspace)[body];
  if (folder !== undefined) return { value: folder };
  const match = /^(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::?-(.*))?$/s.exec(body);
  if (match === null) return undefined;
  const [, name = '', fallback] = match;
  const value = context.env[name];
  if (value !== undefined && !(value === '' && body.includes(':-'))) return { value, variable: name };
  if (fallback !== undefined) return { value: fallback };
  return {
    missing: `variable ${name} is not set: export it, put it into a file given with --env-file, or write \${${name}:-default}`,
  };
}

function resolveInput(id: string, context: ExpandContext): Resolved {
  const variable = inputVariable(id);
  const value = context.env[variable];
  if (value !== undefined) return { value, variable };
  const input = context.inputs.find((one) => one.id === id);
  if (input?.default !== undefined) return { value: input.default };
  return { missing: `input "${id}" would be asked for by the editor: set ${variable} instead` };
}

export function inputVariable(id: string): string {
  return `QM_INPUT_${id.toUpperCase().replace(/[^A-Z0-9]+/g, '_')}`;
}

function folders(workspace: string): Readonly<Record<string, string>> {
  return {
    __proto__: null as unknown as string,
    workspaceFolder: workspace,
    workspaceFolderBasename: path.basename(workspace),
    userHome: os.homedir(),
    pathSeparator: path.sep,
    '/': path.sep,
  };
}
