/** Bridges that are gone after each test of the file that calls it. */
import { afterEach } from 'vitest';

import { type Session, startWorld, type World, type WorldOptions } from './bridge-world.ts';

export function useWorlds(): (options?: WorldOptions) => Promise<World> {
  const open: World[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((one) => one[Symbol.asyncDispose]()));
  });
  return async (options = {}) => {
    const one = await startWorld(options);
    open.push(one);
    return one;
  };
}

/** What the child of this session has been told. */
export async function seenBy(session: Session): Promise<string[]> {
  const { message } = await session.ask('seen');
  return (message.result?.['seen'] ?? []) as string[];
}
