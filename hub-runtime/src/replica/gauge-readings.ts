/** Keeps what rooms register as gauges readable in the process, so that a report tells what a scrape would. */
import type { GaugeName, Observer } from '../observe/index.ts';

export interface GaugeReadings {
  readonly observer: Observer;
  /** Sum over all labels. */
  read(name: GaugeName): number;
}

export function gaugeReadings(inner: Observer): GaugeReadings {
  const readers = new Map<GaugeName, Set<() => number>>();
  return {
    observer: {
      ...inner,
      gauge(name, label, read) {
        const undo = inner.gauge(name, label, read);
        // Each registration is one of its own, even of the same function.
        const reader = (): number => read();
        const all = readers.get(name) ?? new Set();
        readers.set(name, all.add(reader));
        return () => {
          undo();
          all.delete(reader);
        };
      },
    },
    read: (name) => [...(readers.get(name) ?? [])].reduce((sum, read) => sum + read(), 0),
  };
}
