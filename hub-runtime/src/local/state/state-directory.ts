/**
 * Where a project keeps what must outlive a command: sealing key, record of the running hub, socket, logs of servers, scratch directories.
 *
 * One directory per project (the resolved `-f` paths), private to the user. Nothing in it is needed to start anew.
 */
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export interface StateDirectory {
  readonly root: string;
  readonly logs: string;
  readonly scratch: string;
  readonly record: string;
  readonly lock: string;
  readonly key: string;
  /** Unix socket path, or named pipe on Windows. */
  readonly socket: string;
}

export type Env = Readonly<Record<string, string | undefined>>;

/** Parent of all project directories. */
export function stateHome(env: Env, platform: NodeJS.Platform = process.platform): string {
  const configured = env['XDG_STATE_HOME'];
  if (configured !== undefined && path.isAbsolute(configured)) return path.join(configured, 'quaymaster');
  const home = env['HOME'] ?? os.homedir();
  if (platform === 'win32')
    return path.join(env['LOCALAPPDATA'] ?? path.join(home, 'AppData', 'Local'), 'quaymaster', 'state');
  if (platform === 'darwin') return path.join(home, 'Library', 'Application Support', 'quaymaster', 'state');
  return path.join(home, '.local', 'state', 'quaymaster');
}

/** Same paths, same project, wherever the command is typed and in whatever order they are named. */
export function projectDirectory(home: string, paths: readonly string[], cwd: string): string {
  const resolved = paths.map((one) => (one === '-' ? `- in ${cwd}` : path.resolve(cwd, one))).toSorted();
  return path.join(home, createHash('sha256').update(JSON.stringify(resolved)).digest('hex').slice(0, 16));
}

/** Longest path a Unix socket can have (104 on macOS, 108 on Linux, with the closing zero). */
const longestSocket = 103;

export function stateDirectory(root: string, platform: NodeJS.Platform = process.platform): StateDirectory {
  const short = createHash('sha256').update(root).digest('hex').slice(0, 16);
  const inside = path.join(root, 'control.sock');
  const socket =
    platform === 'win32'
      ? `\\\\.\\pipe\\quaymaster-${short}`
      : Buffer.byteLength(inside) <= longestSocket
        ? inside
        : path.join(os.tmpdir(), `qm-${process.getuid?.() ?? 0}-${short}`, 'control.sock');
  return {
    root,
    logs: path.join(root, 'logs'),
    scratch: path.join(root, 'scratch'),
    record: path.join(root, 'up.json'),
    lock: path.join(root, 'up.lock'),
    key: path.join(root, 'sealing.key'),
    socket,
  };
}

/** Creates what is missing, closed to everybody else. A socket directory outside must be ours, or somebody waits there for us. */
export function prepareStateDirectory(state: StateDirectory, platform: NodeJS.Platform = process.platform): void {
  for (const directory of [state.root, state.logs, state.scratch]) makePrivate(directory, platform);
  if (platform !== 'win32' && path.dirname(state.socket) !== state.root)
    makePrivate(path.dirname(state.socket), platform);
  proveWritable(state.root);
}

/** A full disk shows here, where its directory is known, and not at the first file that matters. */
function proveWritable(directory: string): void {
  const file = path.join(directory, `.room.${process.pid}`);
  try {
    writeFileSync(file, Buffer.alloc(4096), { mode: 0o600 });
  } finally {
    rmSync(file, { force: true });
  }
}

function makePrivate(directory: string, platform: NodeJS.Platform): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (platform === 'win32') return;
  const found = statSync(directory);
  if (process.getuid !== undefined && found.uid !== process.getuid())
    throw new Error(`${directory} belongs to another user: remove it, or choose another place with --state-dir`);
  if ((found.mode & 0o077) !== 0) chmodSync(directory, 0o700);
}

const keyBytes = 32;

/** The key under which session ids and cursors are sealed: made once, so that both survive a restart of the hub. */
export function sealingKey(state: StateDirectory): Buffer {
  const existing = readKey(state.key);
  if (existing !== undefined) return existing;
  const key = randomBytes(keyBytes);
  writeFileSync(state.key, `${key.toString('base64')}\n`, { mode: 0o600 });
  return key;
}

function readKey(file: string): Buffer | undefined {
  try {
    const key = Buffer.from(readFileSync(file, 'utf8').trim(), 'base64');
    return key.length === keyBytes ? key : undefined;
  } catch {
    return undefined;
  }
}
