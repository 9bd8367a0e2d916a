/**
 * Every process group the hub has started and that is not known to be gone.
 *
 * The owner of a hub process makes one, hands it to everything that spawns, and closes it last. `process.on('exit')` is the safety net for
 * ends that run no other code (an uncaught error, `process.exit`): it kills what is left, synchronously. A hub that is itself killed
 * with SIGKILL runs nothing at all; then children see the end of their stdin, on which the stdio transport tells them to exit.
 */
import { signalGroup } from './process-group.ts';

/** What the safety net hangs on: `process`, or a stand-in in tests. */
export interface ExitSource {
  on(event: 'exit', listener: () => void): unknown;
  off(event: 'exit', listener: () => void): unknown;
}

export interface RegisteredChild {
  readonly pid: number;
  /** Key of the server whose process it is; absent: a tool of the hub. */
  readonly server?: string | undefined;
  stop(graceMs: number): Promise<void>;
}

export class ChildRegistry {
  readonly limit: number;
  readonly #children = new Set<RegisteredChild>();
  readonly #exits: ExitSource;
  readonly #signal: typeof signalGroup;
  #closed = false;
  readonly #onExit = (): void => {
    for (const child of this.#children) this.#signal(child.pid, 'SIGKILL');
  };

  constructor(options: { limit?: number; exits?: ExitSource; signal?: typeof signalGroup } = {}) {
    this.limit = options.limit ?? 512;
    this.#exits = options.exits ?? process;
    this.#signal = options.signal ?? signalGroup;
    this.#exits.on('exit', this.#onExit);
  }

  get size(): number {
    return this.#children.size;
  }

  get isFull(): boolean {
    return this.#children.size >= this.limit;
  }

  /** How many processes each server has. */
  byServer(): ReadonlyMap<string, number> {
    const all = new Map<string, number>();
    for (const { server } of this.#children) if (server !== undefined) all.set(server, (all.get(server) ?? 0) + 1);
    return all;
  }

  add(child: RegisteredChild): void {
    // Started while the hub was already going: nobody is left to end it later.
    if (this.#closed) this.#signal(child.pid, 'SIGKILL');
    else this.#children.add(child);
  }

  /** To be called when the whole group is gone, not only its leader. */
  remove(child: RegisteredChild): void {
    this.#children.delete(child);
  }

  /** Ends all of them at once and takes the safety net down. */
  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#children].map((child) => child.stop(graceMs)));
    this.#exits.off('exit', this.#onExit);
  }
}
