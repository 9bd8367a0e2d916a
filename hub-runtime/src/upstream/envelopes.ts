/** The modern envelope of each caller: what that caller declared, as far as the hub carries it. Made once per distinct declaration. */
import type { Caller } from '../exchange/index.ts';
import { emptyObject, modernEnvelope, type RawJson, relayedCapabilities } from '../wire/index.ts';

const mostKept = 256;

export class Envelopes {
  /** Of the hub itself, which answers no questions. */
  readonly own: string;
  readonly #hubInfo: RawJson;
  readonly #kept = new Map<RawJson, string>();
  readonly #keptForLegacy = new Map<RawJson, string>();

  constructor(hubInfo: RawJson) {
    this.#hubInfo = hubInfo;
    this.own = modernEnvelope(hubInfo, emptyObject);
  }

  of({ capabilities: declared, era }: Pick<Caller, 'capabilities' | 'era'>): string {
    if (declared === emptyObject) return this.own;
    // A legacy client would not know a task of this era if it got one.
    const kept = era === 'modern' ? this.#kept : this.#keptForLegacy;
    let envelope = kept.get(declared);
    if (envelope === undefined) {
      const carried = relayedCapabilities(declared, era === 'modern' ? 'tasks' : 'noTasks');
      envelope = modernEnvelope(this.#hubInfo, carried);
      if (kept.size >= mostKept) kept.clear();
      kept.set(declared, envelope);
    }
    return envelope;
  }
}
