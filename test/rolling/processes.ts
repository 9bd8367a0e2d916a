/** Programs inside Pods, as the machine under them sees them. */
import { readdirSync, readFileSync } from 'node:fs';

/** Processes of a Pod as the machine sees them, by their control groups. */
function processesOf(uid: string): readonly { readonly pid: number; readonly command: string }[] {
  const found: { pid: number; command: string }[] = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const groups = readFileSync(`/proc/${entry}/cgroup`, 'utf8');
      if (!groups.includes(uid) && !groups.includes(uid.replaceAll('-', '_'))) continue;
      const command = readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      found.push({ pid: Number(entry), command });
    } catch {
      // It has ended meanwhile.
    }
  }
  return found;
}

export function killNine(uid: string, part: string): void {
  const victims = processesOf(uid).filter(({ command }) => command.includes(part));
  if (victims.length === 0)
    throw new Error(`no process with ${part} in Pod ${uid}: ${JSON.stringify(processesOf(uid))}`);
  for (const { pid } of victims) process.kill(pid, 'SIGKILL');
}
