/** Tells listeners which hubs changed: once per hub and turn of the event loop, however much happened in it. */
import type { ControlListener } from './control-types.ts';

export interface ChangeFeed {
  tell(hub: string, what: 'state' | 'load'): void;
  subscribe(listener: ControlListener): () => void;
}

export function createChangeFeed(onError: (error: unknown) => void): ChangeFeed {
  const listeners = new Set<ControlListener>();
  let changed = new Map<string, 'state' | 'load'>();
  const deliver = (): void => {
    const now = changed;
    changed = new Map();
    for (const [hub, what] of now) {
      for (const listener of listeners) {
        try {
          listener(hub, what);
        } catch (error) {
          onError(error);
        }
      }
    }
  };
  return {
    tell(hub, what) {
      if (changed.size === 0) setImmediate(deliver);
      if (changed.get(hub) !== 'state') changed.set(hub, what);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}
