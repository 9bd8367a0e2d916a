/**
 * Who calls, as a bridge may know it: the same for every request of one session (or principal), on every hub, and nothing else.
 *
 * The server's key goes in, so that two servers cannot find out that they serve the same caller. Made once per session or principal object.
 */
import { hash } from 'node:crypto';

import type { Caller } from '../../exchange/index.ts';

export interface CallerTag {
  /** For the header. */
  readonly text: string;
  /** 32 bits of it, to choose a replica by. */
  readonly hash: number;
}

export class CallerTags {
  readonly #server: string;
  readonly #perPrincipal: boolean;
  readonly #tags = new WeakMap<object, CallerTag>();

  /** `perPrincipal`: sessions of one principal are told apart no more. */
  constructor(server: string, perPrincipal = false) {
    this.#server = server;
    this.#perPrincipal = perPrincipal;
  }

  of({ session: own, principal }: Caller): CallerTag {
    const session = this.#perPrincipal ? undefined : own;
    const known = this.#tags.get(session ?? principal);
    if (known !== undefined) return known;
    const who = session === undefined ? `principal ${principal.id}` : `session ${session.id}`;
    const text = hash('sha256', `${this.#server} ${who}`, 'hex').slice(0, 32);
    const tag = { text, hash: Number.parseInt(text.slice(0, 8), 16) };
    this.#tags.set(session ?? principal, tag);
    return tag;
  }
}
