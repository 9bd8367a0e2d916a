/** Command lines that start the kit's server programs, as a manifest's `source.command` or a child process takes them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Received, ServerScript } from './script.ts';

export interface ServerCommand {
  readonly command: string;
  readonly args: string[];
}

export interface StdioCommandOptions {
  /** File that gets every received message as a line of JSON; read it with `readRecord`. */
  record?: string;
  /** File to write the script to. Default: it stands on the command line, which manifests bound to 4,096 characters a word. */
  scriptFile?: string;
}

export function stdioCommand(script: ServerScript = {}, options: StdioCommandOptions = {}): ServerCommand {
  const record = options.record === undefined ? [] : ['--record', options.record];
  const json = JSON.stringify(script);
  if (options.scriptFile !== undefined) writeFileSync(options.scriptFile, json);
  return {
    command: process.execPath,
    args: [...program('stdio-main'), '--script', options.scriptFile ?? json, ...record],
  };
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
