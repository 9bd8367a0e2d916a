/** What a replica knows of itself, for reports, scrapes and people. Reads only. */
import type { HubDocument, ReportMessage } from '@quaymaster/crds';

import { createServerObserver } from '../driver/index.ts';
import type { HubPort } from '../exchange/index.ts';
import type { GaugeName, Observer } from '../observe/index.ts';
import { EventLoopUse } from './event-loop-use.ts';
import { type GaugeReadings, gaugeReadings } from './gauge-readings.ts';
import type { ReplicaSettings } from './replica-settings.ts';
import { reportOf } from './report.ts';

export interface ReplicaFactsDeps {
  readonly settings: ReplicaSettings;
  readonly version: string;
  readonly document: () => HubDocument | undefined;
  readonly hub: () => HubPort | undefined;
  /** What is wrong with the store of its sessions. */
  readonly storeProblem: () => ReportMessage['problems'][number] | undefined;
  /** The operator's stream is up. */
  readonly connected: () => boolean;
}

export class ReplicaFacts {
  readonly #deps: ReplicaFactsDeps;
  readonly #observe = createServerObserver();
  readonly #eventLoop = new EventLoopUse();
  #readings: GaugeReadings | undefined;

  constructor(deps: ReplicaFactsDeps) {
    this.#deps = deps;
  }

  /** The observer for all rooms: what they register is read here as well. */
  observing(inner: Observer): Observer {
    const { settings, connected, document } = this.#deps;
    const { hub } = settings.hub;
    inner.gauge('controlConnected', hub, () => (connected() ? 1 : 0));
    inner.gauge('configGeneration', hub, () => document()?.generation ?? 0);
    this.#readings = gaugeReadings(inner);
    return this.#readings.observer;
  }

  report(): ReportMessage {
    const { document, hub, storeProblem } = this.#deps;
    return reportOf({
      document: document(),
      hub: hub(),
      problem: storeProblem(),
      load: {
        inFlight: this.#read('callsInFlight'),
        sessions: this.#read('sessions'),
        streams: this.#read('streams'),
        eventLoop: this.#eventLoop.read(),
      },
      observe: this.#observe,
    });
  }

  info(): Readonly<Record<string, unknown>> {
    const { settings, version, document, connected } = this.#deps;
    const running = document();
    return {
      version,
      hub: settings.hub.hub,
      pod: settings.pod,
      generation: running?.generation,
      config: running?.hash,
      operator: connected() ? 'connected' : 'away',
    };
  }

  #read(name: GaugeName): number {
    return this.#readings?.read(name) ?? 0;
  }
}
