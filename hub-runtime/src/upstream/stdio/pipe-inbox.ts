/**
 * What a server says on an event stream or a WebSocket, read message by message: batches taken apart (2025-03-26), what is none told as a fault,
 * and what comes before anybody listens kept, within a bound.
 */
import {
  type RawJson,
  scanBatch,
  type ScanFault,
  type ScanLimits,
  scanMessage,
  type ScannedMessage,
} from '../../wire/index.ts';

export interface PipeInboxLimits {
  /** Messages in one batch, and messages kept for the first listener. */
  readonly batch: number;
  readonly scan: ScanLimits;
}

export class PipeInbox {
  readonly #limits: PipeInboxLimits;
  readonly #early: ScannedMessage[] = [];
  #onMessage: ((message: ScannedMessage) => void) | undefined;
  #onFault: (fault: ScanFault) => void = () => {};

  constructor(limits: PipeInboxLimits) {
    this.#limits = limits;
  }

  onMessage(listener: (message: ScannedMessage) => void): void {
    this.#onMessage = listener;
    for (const message of this.#early.splice(0)) listener(message);
  }

  onFault(listener: (fault: ScanFault) => void): void {
    this.#onFault = listener;
  }

  read(data: RawJson): void {
    const { batch: most, scan } = this.#limits;
    const message = scanMessage(data, scan);
    if (message.kind !== 'fault') {
      this.deliver(message);
      return;
    }
    const batch = message.fault === 'batch' ? scanBatch(data, most, scan) : undefined;
    if (Array.isArray(batch)) {
      for (const one of batch)
        if (one.kind === 'fault') this.#onFault(one);
        else this.deliver(one);
    } else this.#onFault(message);
  }

  deliver(message: ScannedMessage): void {
    if (this.#onMessage !== undefined) this.#onMessage(message);
    else if (this.#early.length < this.#limits.batch) this.#early.push(message);
  }
}
