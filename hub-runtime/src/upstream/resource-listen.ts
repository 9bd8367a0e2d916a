/**
 * One `subscriptions/listen` for all watched resources of a modern conversation, whatever the transport: asked anew when they change, the
 * new request before the old one ends, so that nothing is missed between.
 *
 * Whoever adds a resource hears whether the server honours it. A server that does not acknowledge in time is believed to.
 */
import type { Clock } from '../base/index.ts';
import type { ErrorOutcome } from '../exchange/index.ts';
import type { ScannedMessage } from '../wire/index.ts';
import { honouredResources } from './listen-filter.ts';
import { notAnnounced } from './resource-watches.ts';

/** One request on its way. */
export interface OpenListen {
  close(): void;
}

export interface ResourceListenOptions {
  readonly clock: Clock;
  readonly server: string;
  /** Opens a listen request for these, again whenever it breaks off. */
  readonly open: (uris: readonly string[], on: ListenEvents) => OpenListen;
}

export interface ListenEvents {
  /** Under this id now; `again`: what came between the last time and now is lost. */
  opened(id: string, again: boolean): void;
  message(message: ScannedMessage): void;
  refused(): void;
}

const gatherMs = 5;
const acknowledgeMs = 3_000;

export class ResourceListen {
  readonly #options: ResourceListenOptions;
  readonly #onUpdated: (message: ScannedMessage) => void;
  readonly #onGap: (uris: readonly string[]) => void;
  readonly #uris = new Set<string>();
  readonly #waiting = new Map<string, ((refused: ErrorOutcome | undefined) => void)[]>();
  #current: OpenListen | undefined;
  #stopTimer: (() => void) | undefined;
  #stopWaiting: (() => void) | undefined;
  #stopped = false;

  constructor(
    options: ResourceListenOptions,
    onUpdated: (message: ScannedMessage) => void,
    onGap: (uris: readonly string[]) => void,
  ) {
    this.#options = options;
    this.#onUpdated = onUpdated;
    this.#onGap = onGap;
  }

  watch(uri: string): Promise<ErrorOutcome | undefined> {
    this.#uris.add(uri);
    this.#changed();
    return new Promise((resolve) => {
      const others = this.#waiting.get(uri);
      if (others === undefined) this.#waiting.set(uri, [resolve]);
      else others.push(resolve);
    });
  }

  unwatch(uri: string): void {
    if (!this.#uris.delete(uri)) return;
    this.#settle(uri, undefined);
    this.#changed();
  }

  stop(): void {
    this.#stopped = true;
    this.#stopTimer?.();
    this.#stopWaiting?.();
    this.#current?.close();
    this.#current = undefined;
    for (const uri of this.#waiting.keys()) this.#settle(uri, undefined);
  }

  #changed(): void {
    if (this.#stopped || this.#stopTimer !== undefined) return;
    this.#stopTimer = this.#options.clock.after(gatherMs, () => {
      this.#stopTimer = undefined;
      this.#open();
    });
  }

  #open(): void {
    const { clock, open } = this.#options;
    const before = this.#current;
    this.#current = undefined;
    this.#stopWaiting?.();
    if (this.#uris.size === 0) {
      before?.close();
      return;
    }
    const uris = [...this.#uris];
    let id = '';
    let old = before;
    const done = (): void => {
      this.#stopWaiting?.();
      this.#stopWaiting = undefined;
      old?.close();
      old = undefined;
    };
    const request: { listen?: OpenListen } = {};
    const own: OpenListen = {
      close: () => {
        old?.close();
        request.listen?.close();
      },
    };
    this.#current = own;
    const isCurrent = (): boolean => this.#current === own;
    request.listen = open(uris, {
      opened: (given, again) => {
        id = given;
        if (again && isCurrent()) this.#onGap(uris);
      },
      message: (message) => {
        const honoured = honouredResources(message, id);
        if (honoured !== undefined) {
          done();
          for (const uri of uris)
            this.#settle(uri, honoured.has(uri) ? undefined : notAnnounced(uri, this.#options.server));
        } else if (message.method === 'notifications/resources/updated' && isCurrent()) this.#onUpdated(message);
      },
      refused: () => {
        done();
        for (const uri of uris) this.#settle(uri, notAnnounced(uri, this.#options.server));
      },
    });
    // Without an acknowledgement the former request ends all the same.
    this.#stopWaiting = clock.after(acknowledgeMs, () => {
      done();
      for (const uri of uris) this.#settle(uri, undefined);
    });
  }

  #settle(uri: string, refused: ErrorOutcome | undefined): void {
    const waiting = this.#waiting.get(uri);
    this.#waiting.delete(uri);
    if (refused !== undefined && waiting !== undefined) this.#uris.delete(uri);
    for (const resolve of waiting ?? []) resolve(refused);
  }
}
