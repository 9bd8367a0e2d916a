/**
 * `subscriptions/listen` for resources on one pipe: several may be open at once, told apart by their ids. One that the server ends is opened
 * again after a pause; one that it refuses is left alone.
 */
import type { Clock } from '../../base/index.ts';
import type { Outcome } from '../../exchange/index.ts';
import { memberRaw, metaKey, parseRaw, type RawJson, type ScannedMessage } from '../../wire/index.ts';
import { resourceFilter } from '../listen-filter.ts';
import type { ListenEvents, OpenListen } from '../resource-listen.ts';
import { ownLine } from './call-line.ts';
import type { StdioChannel } from './stdio-channel.ts';

/** Between the end of a subscription by the server and the next. */
export const againMs = 1_000;

/** The server ended it, or it was never sent: nobody refused it. */
export function mayListenAgain(outcome: Outcome): boolean {
  return outcome.kind === 'result' || (outcome.kind === 'error' && outcome.errorCode === 'QM_OVERLOADED');
}

export class PipedListens {
  readonly #channel: StdioChannel;
  readonly #clock: Clock;
  readonly #envelope: string;
  readonly #open = new Map<string, ListenEvents>();

  constructor(channel: StdioChannel, clock: Clock, envelope: string) {
    this.#channel = channel;
    this.#clock = clock;
    this.#envelope = envelope;
  }

  open(uris: readonly string[], on: ListenEvents): OpenListen {
    const channel = this.#channel;
    let isClosed = false;
    let current = 0;
    const listen = async (again: boolean): Promise<void> => {
      current = channel.nextId();
      const own = String(current);
      this.#open.set(own, on);
      const method = 'subscriptions/listen';
      const params = `{"notifications":${resourceFilter(uris)}}` as RawJson;
      const line = ownLine(current, method, params, this.#envelope);
      const ended = channel.request(current, method, line, undefined, Infinity, Infinity);
      // Only one that was sent: while the pipe is full, every attempt would tell of a gap, and its listeners would read again.
      if (channel.awaits(current)) on.opened(own, again);
      const outcome = await ended;
      this.#open.delete(own);
      if (isClosed || channel.end !== undefined) return;
      if (mayListenAgain(outcome)) this.#clock.after(againMs, () => void (isClosed || listen(true)));
      else on.refused();
    };
    void listen(false);
    return {
      close: () => {
        isClosed = true;
        channel.cancelOwn(current);
      },
    };
  }

  /** The one a notification belongs to. */
  of(message: ScannedMessage): ListenEvents | undefined {
    const id = memberRaw(message.params?.meta, metaKey.subscriptionId);
    return id === undefined ? undefined : this.#open.get(String(parseRaw(id)));
  }
}
