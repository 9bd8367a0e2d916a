/** The modern envelope of each caller: what that caller declared, as far as the hub carries it. Made once per distinct declaration. */
import { emptyObject, modernEnvelope, type RawJson, relayedCapabilities } from '../wire/index.ts';

const mostKept = 256;

export class Envelopes {
  /** Of the hub itself, which answers no questions. */
  readonly own: string;
  readonly #hubInfo: RawJson;
  readonly #kept = new Map<RawJson, string>();

  constructor(hubInfo: RawJson) {
    this.#hubInfo = hubInfo;
    this.own = modernEnvelope(hubInfo, emptyObject);
  }

  of(declared: RawJson): string {
    if (declared === emptyObject) return this.own;
    let envelope = this.#kept.get(declared);
    if (envelope === undefined) {
      envelope = modernEnvelope(this.#hubInfo, relayedCapabilities(declared));
      if (this.#kept.size >= mostKept) this.#kept.clear();
      this.#kept.set(declared, envelope);
    }
    return envelope;
  }
}
