/**
 * Names the process that has a TCP port, when the system lets us see it: asked only to word an error.
 *
 * Linux: /proc. macOS and others: lsof, when it is there. Elsewhere nobody is named.
 */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface PortHolder {
  readonly pid: number;
  readonly command: string;
}

export async function portHolder(
  port: number,
  platform: NodeJS.Platform = process.platform,
): Promise<PortHolder | undefined> {
  if (platform === 'linux') return fromProc(port);
  if (platform === 'win32') return undefined;
  return fromLsof(port);
}

const listening = '0A';

function fromProc(port: number): PortHolder | undefined {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const inodes = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of linesOf(table)) {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      if (state === listening && local?.endsWith(`:${hex}`) === true && inode !== undefined)
        inodes.add(`socket:[${inode}]`);
    }
  }
  if (inodes.size === 0) return undefined;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (descriptorsOf(pid).some((link) => inodes.has(link))) return { pid: Number(pid), command: commandOf(pid) };
  }
  return undefined;
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').slice(1);
  } catch {
    return [];
  }
}

function descriptorsOf(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return '';
      }
    });
  } catch {
    return []; // Another user's process.
  }
}

/** The first words only: arguments may hold what is nobody else's business. */
function commandOf(pid: string): string {
  const [program = '', script = ''] = linesOfCommand(pid);
  const shown = /\.[cm]?[jt]s$|^[a-z-]+$/.test(script) ? `${program} ${script}` : program;
  return shown.slice(0, 120);
}

function linesOfCommand(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

function fromLsof(port: number): Promise<PortHolder | undefined> {
  return new Promise((resolve) => {
    execFile('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc'], { timeout: 2000 }, (_error, stdout) => {
      const pid = /^p(\d+)$/m.exec(stdout)?.[1];
      const command = /^c(.+)$/m.exec(stdout)?.[1];
      resolve(pid === undefined ? undefined : { pid: Number(pid), command: command ?? '' });
    });
  });
}
