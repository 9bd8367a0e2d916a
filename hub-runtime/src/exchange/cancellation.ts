/**
 * Cancellation of one leg: what AbortSignal does, at a fraction of its cost per call.
 *
 * AbortController plus one listener costs about as much CPU as routing the call (see docs/decisions/0002); a leg has at most a few listeners
 * and lives for milliseconds, so a plain object serves. `signal` gives a real AbortSignal where a library wants one.
 */
export class Cancellation {
  #reason: string | undefined;
  #listeners: (() => void)[] | undefined;

  get cancelled(): boolean {
    return this.#reason !== undefined;
  }

  /** Why: `client-cancelled`, `client-gone`, `deadline`, `shutdown`. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** Runs `listener` once on cancellation, at once when it already happened. The returned function takes it off again. */
  onCancel(listener: () => void): () => void {
    if (this.#reason !== undefined) {
      listener();
      return () => {};
    }
    const listeners = (this.#listeners ??= []);
    listeners.push(listener);
    return () => {
      const index = listeners.indexOf(listener);
      if (index >= 0) listeners.splice(index, 1);
    };
  }

  /** First reason wins; later calls do nothing. */
  cancel(reason: string): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    const listeners = this.#listeners;
    this.#listeners = undefined;
    if (listeners !== undefined) for (const listener of listeners.slice()) listener();
  }

  /** A real AbortSignal following this cancellation, for libraries off the hot path. */
  signal(): AbortSignal {
    const controller = new AbortController();
    this.onCancel(() => controller.abort(new Error(this.#reason ?? 'cancelled')));
    return controller.signal;
  }
}
