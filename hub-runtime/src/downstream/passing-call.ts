/**
 * An answer on its way through the hub while it still arrives: read, edited and written in pieces, at the pace of its reader.
 *
 * Runs only for results too large to be held. What is wrong with one shows when its beginning is with the client already: then the connection
 * is cut, for neither JSON nor an event stream can take back what was said. Its own errors were told before (upstream/http/http-call.ts).
 */
import type { Exchange, PassingSink, ResultOutcome } from '../exchange/index.ts';
import {
  memberRaw,
  type RawJson,
  type ReadResult,
  renderForLegacy,
  renderForModern,
  ResultReader,
  scanObject,
} from '../wire/index.ts';

/** Where it is written to. */
export interface PassingWriter {
  /** False: no room for now; `resume` of the flow is called when there is. */
  write(text: string): boolean;
  end(text: string): void;
  cut(): void;
}

/** What the writer tells. */
export interface PassingFlow {
  resume(): void;
  gone(): void;
}

export type Passed = ResultOutcome & Required<Pick<ResultOutcome, 'passing'>>;

export class PassingCall implements PassingSink, PassingFlow {
  readonly #outcome: Passed;
  readonly #exchange: Exchange;
  readonly #hubInfo: RawJson;
  readonly #onBroken: (reason: string) => void;
  readonly #reader: ResultReader;
  #writer: PassingWriter | undefined;
  #hasRoom = true;
  #over = false;

  constructor(outcome: Passed, exchange: Exchange, hubInfo: RawJson, onBroken: (reason: string) => void) {
    this.#outcome = outcome;
    this.#exchange = exchange;
    this.#hubInfo = hubInfo;
    this.#onBroken = onBroken;
    this.#reader = new ResultReader((text) => this.#write(text), outcome.passing.edits);
  }

  begin(writer: PassingWriter): void {
    this.#writer = writer;
    this.#write(`{"jsonrpc":"2.0","id":${this.#exchange.leg.id},"result":{`);
    this.#outcome.passing.source.start(this);
  }

  /** Its client has cancelled it, or the hub ends. */
  cancel(): void {
    if (!this.#stop()) return;
    this.#writer?.cut();
  }

  resume(): void {
    this.#hasRoom = true;
    if (!this.#over) this.#outcome.passing.source.resume();
  }

  gone(): void {
    this.#stop();
  }

  data(text: RawJson): void {
    if (this.#over) return;
    if (!this.#reader.push(text)) this.#break(this.#reader.fault ?? '');
    else if (!this.#hasRoom) this.#outcome.passing.source.pause();
  }

  end(): void {
    if (this.#over) return;
    const read = this.#reader.finish();
    if (read === undefined) return this.#break(this.#reader.fault ?? '');
    if (read.id !== this.#outcome.passing.id) return this.#break('it answered with another id');
    const rest = this.#rest(read);
    if (rest === undefined) return this.#break('unknown resultType');
    this.#over = true;
    this.#writer?.end(`${rest}}}`);
  }

  failed(reason: string): void {
    if (!this.#over) this.#break(reason);
  }

  /** The members that were held, as its client gets them. */
  #rest({ held, passed }: ReadResult): string | undefined {
    const { method, caller } = this.#exchange;
    const { server } = this.#outcome;
    const result = scanObject(held);
    if (result === undefined) return undefined;
    // A modern server that forgets it is completed like a legacy one (upstream/answer.ts).
    const era = memberRaw(result, 'resultType') === undefined ? 'legacy' : this.#outcome.era;
    const from = { result, era, server };
    const rendered = caller.era === 'modern' ? renderForModern(from, method, this.#hubInfo) : renderForLegacy(from);
    const members = rendered?.slice(1, -1);
    return members === undefined || members === '' || !passed ? members : `,${members}`;
  }

  #write(text: string): void {
    if (this.#writer?.write(text) === false) this.#hasRoom = false;
  }

  #break(reason: string): void {
    if (!this.#stop()) return;
    this.#onBroken(reason);
    this.#writer?.cut();
  }

  #stop(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#outcome.passing.source.abort('its reader is gone');
    return true;
  }
}
