/** Reads what the hub says of itself, and measures how long callers wait. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { type Answer, type KitClient, until } from '../../kit/index.ts';
import { qm, type RunningHub } from './running-hub.ts';

const run = promisify(execFile);

export interface ServerObject {
  readonly metadata: { readonly name: string };
  readonly status: {
    readonly phase: string;
    readonly restarts?: number;
    readonly pid?: number;
    readonly counts?: { readonly tools: number };
    readonly circuit?: { readonly state: string; readonly tools?: readonly string[] };
    readonly conditions: readonly { readonly type: string; readonly status: string; readonly reason: string }[];
  };
}

/** For hubs started with `--health-port 0`. */
export async function metricsOf(hub: RunningHub): Promise<string> {
  const { health } = JSON.parse(readFileSync(join(hub.folder, 'state', 'up.json'), 'utf8')) as { health: string };
  return (await fetch(new URL('/metrics', health))).text();
}

export function metric(text: string, series: string): number {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  return line === undefined ? 0 : Number(line.slice(series.length + 1));
}

/** `qm get servers`, as objects. */
export async function serverObjects(hub: RunningHub): Promise<readonly ServerObject[]> {
  const { command, args } = qm('get', 'servers', '-o', 'json', '--state-dir', join(hub.folder, 'state'));
  const { stdout } = await run(command, args);
  return (JSON.parse(stdout) as { items: readonly ServerObject[] }).items;
}

export async function serverObject(hub: RunningHub, name: string): Promise<ServerObject> {
  const found = (await serverObjects(hub)).find((one) => one.metadata.name === name);
  if (found === undefined) throw new Error(`no server ${name}`);
  return found;
}

export interface Verdict {
  readonly answer: Answer;
  /** `QM_...`, a JSON-RPC code, or `ok`. */
  readonly code: string;
  readonly ms: number;
}

export async function verdict(call: Promise<Answer>): Promise<Verdict> {
  const from = performance.now();
  const answer = await call;
  const ms = performance.now() - from;
  const data = answer.error?.data as { code?: string } | undefined;
  return { answer, ms, code: answer.error === undefined ? 'ok' : (data?.code ?? String(answer.error.code)) };
}

/** Resolves with the time until a call of this tool is answered again. */
export async function recovery(client: KitClient, tool: string, timeoutMs: number): Promise<number> {
  const from = performance.now();
  await until(async () => (await verdict(client.callTool(tool, {}))).code === 'ok', {
    because: `${tool} works again`,
    timeoutMs,
  });
  return performance.now() - from;
}
