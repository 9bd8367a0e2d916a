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

/** SIGKILL for the processes of a Pod whose command line is one of those. */
export function killNine(uid: string, isMeant: (command: string) => boolean): void {
  const victims = processesOf(uid).filter(({ command }) => isMeant(command));
  if (victims.length === 0) throw new Error(`nothing to kill in Pod ${uid}: ${JSON.stringify(processesOf(uid))}`);
  for (const { pid } of victims) process.kill(pid, 'SIGKILL');
}
