/** Command line of the kit's server programs: `--name value` pairs, everything else ignored. */
import { readFileSync } from 'node:fs';
import type { ServerScript } from './script.ts';

export function valueOf(argv: readonly string[], name: string): string | undefined {
  const at = argv.indexOf(name);
  return at < 0 ? undefined : argv[at + 1];
}

/** `--script` carries JSON, or the path of a file with JSON. */
export function readScript(argv: readonly string[]): ServerScript {
  const given = valueOf(argv, '--script') ?? '{}';
  const text = given.trimStart().startsWith('{') ? given : readFileSync(given, 'utf8');
  return JSON.parse(text) as ServerScript;
}
