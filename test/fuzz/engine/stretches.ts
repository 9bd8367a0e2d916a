/**
 * Hours of fuzzing as many stretches of minutes, each in a process of its own and with the next seed.
 *
 * V8 does not give back what telling of coverage costs it, some hundred MiB a minute: an hour in one process would fill the machine.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export const stretchSeconds = 300;

/** The exit code: 1 when any stretch found something. All of them run. */
export async function inStretches(seconds: number, seed: number, only: string | undefined): Promise<number> {
  let failed = 0;
  let stretch = 0;
  for (let left = seconds; left > 0; left -= stretchSeconds, stretch++) {
    const some = ['--seconds', String(Math.min(stretchSeconds, left)), '--seed', String(seed + stretch)];
    const main = fileURLToPath(new URL('../main.ts', import.meta.url));
    const args = ['--conditions=quaymaster-source', main, ...some, ...(only === undefined ? [] : ['--only', only])];
    const child = spawn(process.execPath, args, { stdio: 'inherit' });
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0) failed++;
  }
  console.log(`${seconds} s in ${stretch} stretches, ${failed} of them found something`);
  return failed === 0 ? 0 : 1;
}
