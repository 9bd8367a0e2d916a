/** An hour of what `make test` does for a minute. */
import { fileURLToPath } from 'node:url';

import { expect, test } from 'vitest';

import { spawnProgram } from '../kit/index.ts';

const seconds = 3_600;

test(
  'EF-21 an hour of hostile input finds nothing',
  async () => {
    const main = fileURLToPath(new URL('main.ts', import.meta.url));
    const args = ['--conditions=quaymaster-source', main, '--seconds', String(seconds)];
    await using program = spawnProgram(process.execPath, args);
    const { code } = await program.ended((seconds + 600) * 1_000);
    console.log(program.stdout);
    expect(program.stdout).toContain('nothing found');
    expect(code).toBe(0);
  },
  (seconds + 900) * 1_000,
);
