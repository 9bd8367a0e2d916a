/** Command lines that start the kit's server programs, as a manifest's `source.command` or a child process takes them. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Received, ServerScript } from './script.ts';

export interface ServerCommand {
  readonly command: string;
  readonly args: string[];
}

/** `record`: file that gets every received message as a line of JSON; read it with `readRecord`. */
export function stdioCommand(script: ServerScript = {}, options: { record?: string } = {}): ServerCommand {
  const record = options.record === undefined ? [] : ['--record', options.record];
  return { command: process.execPath, args: [...program('stdio-main'), '--script', JSON.stringify(script), ...record] };
}

/** The program prints `{"url","pid"}` when it listens. */
export function httpCommand(script: ServerScript = {}): ServerCommand {
  return { command: process.execPath, args: [...program('http-main'), '--script', JSON.stringify(script)] };
}

export function readRecord(file: string): Received[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Received);
}

/** Sources while developing, `.js` files in the published package. */
function program(name: string): string[] {
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const file = fileURLToPath(new URL(`./${name}.${ending}`, import.meta.url));
  return ending === 'ts' ? ['--conditions=quaymaster-source', file] : [file];
}
