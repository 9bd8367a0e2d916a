/**
 * How many packages are being installed now, and how many were. A start that waits for a download takes as long as the network does, which
 * says nothing about the server: whoever waits for servers counts their time from the end of it.
 *
 * Only real installations are seen, those that report progress; what is in the cache is there at once.
 */
import type { TargetResolver } from '../../exchange/index.ts';

export interface Installations {
  running(): number;
  finished(): number;
  readonly targets: TargetResolver;
}

export function countInstallations(inner: TargetResolver): Installations {
  let running = 0;
  let finished = 0;
  return {
    running: () => running,
    finished: () => finished,
    targets: {
      async resolve(server, progress, signal) {
        let seen = false;
        const counting = (line: string): void => {
          if (!seen) running++;
          seen = true;
          progress(line);
        };
        try {
          return await inner.resolve(server, counting, signal);
        } finally {
          if (seen) {
            running--;
            finished++;
          }
        }
      },
    },
  };
}
