/** Clients that call without pause until told to stop, each call with words of its own. */
import type { KitClient } from '../../kit/index.ts';

export interface Load {
  readonly calls: () => number;
  /** Whatever was not the answer to the very call. */
  readonly failures: string[];
  stop(): Promise<void>;
}

/** `servers`: whose `echo` is called in turn. */
export function load(clients: readonly KitClient[], servers: readonly string[]): Load {
  const failures: string[] = [];
  let calls = 0;
  let running = true;
  const work = clients.map(async (client, number) => {
    for (let turn = 0; running; turn++) {
      const server = servers[turn % servers.length];
      const said = `${number}/${turn}`;
      try {
        const answer = await client.callTool(`${server}_echo`, { said });
        if (answer.error !== undefined || !answer.raw.includes(said)) failures.push(`${server}: ${answer.raw}`);
      } catch (error) {
        failures.push(`${server}: ${String(error)}`);
      }
      calls++;
    }
  });
  return {
    calls: () => calls,
    failures,
    async stop() {
      running = false;
      await Promise.all(work);
    },
  };
}
