/** Runs `qm bridge` for a test as a Pod would: settings in one variable, the token as a mounted file, free ports. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until, spawnProgram, stdioCommand } from '../../kit/index.ts';
import type { JsonObject, Program, ServerScript } from '../../kit/index.ts';
import { qm } from './running-hub.ts';

export interface RunningBridge extends AsyncDisposable {
  readonly url: string;
  /** Of the health listener. */
  readonly health: string;
  readonly headers: Record<string, string>;
  readonly program: Program;
  readonly folder: string;
  /** Replaces a token as the kubelet does: at once, never by halves. */
  setToken(file: 'token' | 'previous', value: string | undefined): void;
  readyz(): Promise<{ status: number; body: JsonObject }>;
  statusz(): Promise<JsonObject>;
}

export interface BridgeSetup {
  /** Members of the settings that differ from a plain shared stdio server. */
  readonly settings?: JsonObject;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Default: the kit's server with the script. */
  readonly words?: readonly string[];
  /** False: does not wait until the child serves. */
  readonly ready?: boolean;
}

const token = 'bridge-token-of-a-test';

export async function startBridge(script: ServerScript | undefined, setup: BridgeSetup = {}): Promise<RunningBridge> {
  const folder = mkdtempSync(join(tmpdir(), 'qm-bridge-'));
  const setToken: RunningBridge['setToken'] = (file, value) => {
    const place = join(folder, file);
    if (value === undefined) return rmSync(place, { force: true });
    writeFileSync(`${place}.next`, `${value}\n`);
    renameSync(`${place}.next`, place);
  };
  setToken('token', token);
  const settings = {
    version: 1,
    server: 'default/wonder',
    program: { kind: 'command' },
    protocol: 'auto',
    instances: { mode: 'shared', max: 4 },
    startMs: 15_000,
    drainMs: 5_000,
    port: 0,
    healthPort: 0,
    tokenDirectory: folder,
    childPrefix: 'QM_CHILD_',
    ...setup.settings,
  };
  const child = script === undefined ? undefined : stdioCommand(script);
  const words = setup.words ?? (child === undefined ? [] : [child.command, ...child.args]);
  const { command, args } = qm('bridge', '--', ...words);
  const program = spawnProgram(command, args, { env: { QM_BRIDGE: JSON.stringify(settings), ...setup.env } });
  const stop = async (): Promise<void> => {
    program.kill('SIGTERM');
    await program.ended(10_000).catch(() => undefined);
    await program[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const line = await program.line(/"msg":"listening"/, 20_000);
    const { port, healthPort } = JSON.parse(line) as { port: number; healthPort: number };
    const health = `http://127.0.0.1:${healthPort}`;
    const readyz = async () => {
      const answer = await fetch(`${health}/readyz`);
      return { status: answer.status, body: (await answer.json()) as JsonObject };
    };
    const statusz = async () => (await (await fetch(`${health}/statusz`)).json()) as JsonObject;
    if (setup.ready !== false)
      await until(async () => (await readyz()).status === 200, {
        because: 'the child never served',
        timeoutMs: 20_000,
      });
    const headers = { authorization: `Bearer ${token}` };
    const url = `http://127.0.0.1:${port}/mcp`;
    return { url, health, headers, program, folder, setToken, readyz, statusz, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
