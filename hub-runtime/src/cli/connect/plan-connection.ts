/**
 * The change to a client's configuration file that adds one hub. Pure but for reading and writing that file.
 *
 * It edits the text, not the value: comments, order and indentation of everything else stay. A file that is no JSON is never touched.
 */
import { copyFileSync, mkdirSync, readFileSync, realpathSync, renameSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { applyEdits, modify, type ParseError, parseTree } from 'jsonc-parser';

import { CliError, exitCode } from '../support/index.ts';

export interface ConnectionRequest {
  readonly client: 'claude' | 'vscode' | 'cursor';
  readonly url: string;
  readonly name: string;
  readonly cwd: string;
  readonly file?: string;
}

export interface ConnectionPlan {
  readonly file: string;
  /** As the user would write it. */
  readonly shown: string;
  /** Undefined when there is no file yet. */
  readonly before: string | undefined;
  readonly after: string;
}

const places = {
  claude: { file: '.mcp.json', key: 'mcpServers', entry: (url: string) => ({ type: 'http', url }) },
  vscode: { file: path.join('.vscode', 'mcp.json'), key: 'servers', entry: (url: string) => ({ type: 'http', url }) },
  cursor: { file: path.join('.cursor', 'mcp.json'), key: 'mcpServers', entry: (url: string) => ({ url }) },
} as const;

export function planConnection(request: ConnectionRequest): ConnectionPlan {
  const place = places[request.client];
  const shown = request.file ?? place.file;
  const file = path.resolve(request.cwd, shown.replace(/^~(?=[\\/])/, os.homedir()));
  const before = readText(file);
  const text = before === undefined || before.trim() === '' ? '{}\n' : before;
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true });
  if (errors.length > 0 || root?.type !== 'object')
    throw new CliError(
      exitCode.no,
      `${shown} is no JSON object, so it is left alone`,
      'correct it, or name another file with --to',
    );
  const formattingOptions = {
    insertSpaces: !/^\t/m.test(text),
    tabSize: indentOf(text),
    eol: text.includes('\r\n') ? '\r\n' : '\n',
  };
  const edits = modify(text, [place.key, request.name], place.entry(request.url), { formattingOptions });
  const after = applyEdits(text, edits);
  return { file, shown, before, after: after.endsWith('\n') ? after : `${after}\n` };
}

/** Writes beside and renames; follows a link to the file it means. Returns the path of the copy of the old file. */
export function writeConnection(plan: ConnectionPlan): string | undefined {
  mkdirSync(path.dirname(plan.file), { recursive: true });
  const target = plan.before === undefined ? plan.file : realpathSync(plan.file);
  const mode = plan.before === undefined ? 0o644 : statSync(target).mode & 0o777;
  const backup = plan.before === undefined ? undefined : `${target}.bak`;
  if (backup !== undefined) copyFileSync(target, backup);
  const draft = `${target}.${process.pid}.tmp`;
  writeFileSync(draft, plan.after, { mode });
  renameSync(draft, target);
  return backup;
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new CliError(
      exitCode.no,
      `${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? ''})`,
      'check its rights',
    );
  }
}

function indentOf(text: string): number {
  return /^( +)\S/m.exec(text)?.[1]?.length ?? 2;
}
