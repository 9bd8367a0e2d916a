import { freePort } from '../kit/index.ts';
import type { Ports } from './world.ts';

/** One for each server of the world that listens itself. */
export async function freePorts(): Promise<Ports> {
  return { legacy: await freePort(), modern: await freePort(), sse: await freePort(), socket: await freePort() };
}
