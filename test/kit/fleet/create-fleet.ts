/** Many simulated hub Pods in one process, for tests of scale. Which Pods there are is the caller's business (a watch on Pods, a list). */
import { type FleetMember, startMember } from './fleet-member.ts';
import type { Fleet, FleetOptions } from './fleet-types.ts';

export function createFleet(options: FleetOptions): Fleet {
  const members = new Map<string, FleetMember>();
  const waiting: (() => void)[] = [];
  let free = options.dialsAtOnce ?? 32;

  /** Resolves when a dial may begin, with the function to call when it has come to an end; further calls of that are harmless. */
  const enter = async (): Promise<() => void> => {
    if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    else free -= 1;
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    };
  };

  return {
    add(pod) {
      if (!members.has(pod.uid)) members.set(pod.uid, startMember(pod, options, enter));
    },
    remove(uid) {
      members.get(uid)?.stop();
      members.delete(uid);
    },
    get size() {
      return members.size;
    },
    states: () => [...members.values()].map((member) => member.state()),
    cut() {
      for (const member of members.values()) member.cut();
    },
    async [Symbol.asyncDispose]() {
      for (const uid of members.keys()) this.remove(uid);
      await Promise.resolve();
    },
  };
}
