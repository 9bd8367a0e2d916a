/** A directory as the kubelet leaves it: names that lead through one link, which is swapped as a whole. */
import { mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export interface TestMount {
  write(files: Readonly<Record<string, string | Buffer>>): void;
}

export function mountOf(directory: string): TestMount {
  let turn = 0;
  const link = path.join(directory, '..data');
  return {
    write(files) {
      const state = `..state_${++turn}`;
      mkdirSync(path.join(directory, state), { recursive: true });
      for (const [name, content] of Object.entries(files)) {
        writeFileSync(path.join(directory, state, name), content);
        rmSync(path.join(directory, name), { force: true });
        symlinkSync(path.join('..data', name), path.join(directory, name));
      }
      const before = turn === 1 ? undefined : readlinkSync(link);
      symlinkSync(state, `${link}_tmp`);
      renameSync(`${link}_tmp`, link);
      if (before !== undefined) rmSync(path.join(directory, before), { recursive: true });
    },
  };
}
