/**
 * Signals to a child together with everything it started.
 *
 * POSIX: each child leads a group of its own (`detached`), so `kill(-pid)` reaches npx- or uvx-like wrappers and their offspring, and
 * Ctrl-C on the terminal reaches only the hub. Windows has no such groups: `taskkill /T` ends the tree, always by force.
 * Never signals pid 0, 1 or itself: a wrong pid here would end the user's session.
 */
import { spawn } from 'node:child_process';

export function signalGroup(pid: number, signal: 'SIGTERM' | 'SIGKILL'): boolean {
  if (!Number.isInteger(pid) || pid <= 1 || pid === process.pid) return false;
  if (process.platform === 'win32') {
    if (signal === 'SIGKILL') {
      spawn('taskkill', ['/pid', String(pid), '/T', '/F'], { stdio: 'ignore', windowsHide: true }).on(
        'error',
        () => {},
      );
    }
    return true;
  }
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    // ESRCH: nobody left. EPERM: only processes of another user left (setuid); they are out of reach.
    return false;
  }
}

/** True while any process of the group is there, zombies included. On Windows only the leader counts. */
export function groupIsAlive(pid: number): boolean {
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
