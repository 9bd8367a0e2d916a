/**
 * Collects what could not be offered: as problems for people, and item by item for the capability graph. Bounded: a hostile listing must not
 * turn into a flood of conditions.
 */
import type { CatalogDecision, CatalogProblem } from '../exchange/index.ts';
import { maxLeftOut, maxProblems } from './limits.ts';

export class ProblemList {
  #problems: CatalogProblem[] = [];
  #left = 0;
  readonly #said = new Set<string>();
  /** Items that clients do not see. */
  readonly leftOut: CatalogDecision[] = [];

  add(reason: CatalogProblem['reason'], serverKeys: readonly string[], name: string, message: string): void {
    if (this.#problems.length >= maxProblems) this.#left++;
    else this.#problems.push({ reason, serverKeys, name, message });
  }

  /** For what every item of a server has in common: the first one speaks for all. */
  addOnce(reason: CatalogProblem['reason'], serverKeys: readonly string[], name: string, message: string): void {
    const key = `${reason} ${serverKeys.join()}`;
    if (this.#said.has(key)) return;
    this.#said.add(key);
    this.add(reason, serverKeys, name, message);
  }

  leave(decision: CatalogDecision): void {
    if (this.leftOut.length < maxLeftOut) this.leftOut.push(decision);
  }

  /** In the order found, which is the catalog's own; the last one counts the rest. */
  finish(): readonly CatalogProblem[] {
    if (this.#left > 0)
      this.#problems.push({
        reason: 'TooMany',
        serverKeys: [],
        name: '',
        message: `${this.#left} more problems are not listed`,
      });
    return this.#problems;
  }
}
