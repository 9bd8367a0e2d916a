/**
 * Signals of a foreground run. SIGINT and SIGTERM end it in order, also while it is still starting; a second one ends it at once.
 *
 * SIGHUP reads the files again, except where it means that the terminal is gone. Signals that arrive together (a terminal and a parent both
 * passing on one Ctrl-C) count as one.
 */
import type { LocalRuntime } from '../../local/run/index.ts';
import { type Cli, exitCode } from '../support/index.ts';

const sameSignalMs = 500;

export class UpSignals {
  readonly #cli: Cli;
  readonly #stop = (signal: NodeJS.Signals): void => this.#onStop(signal);
  readonly #hangUp = (): void => this.#onHangUp();
  #runtime: LocalRuntime | undefined;
  #first: { readonly signal: NodeJS.Signals; readonly at: number } | undefined;

  constructor(cli: Cli) {
    this.#cli = cli;
    cli.signals.on('SIGINT', this.#stop);
    cli.signals.on('SIGTERM', this.#stop);
    cli.signals.on('SIGHUP', this.#hangUp);
  }

  /** From here on there is something to end. */
  attach(runtime: LocalRuntime): void {
    this.#runtime = runtime;
    if (this.#first !== undefined) void runtime.close(this.#first.signal);
  }

  release(): void {
    const { signals } = this.#cli;
    signals.off('SIGINT', this.#stop);
    signals.off('SIGTERM', this.#stop);
    signals.off('SIGHUP', this.#hangUp);
  }

  #onStop(signal: NodeJS.Signals): void {
    const now = performance.now();
    if (this.#first !== undefined) {
      if (now - this.#first.at >= sameSignalMs) process.exit(exitCode.no);
      return;
    }
    this.#first = { signal, at: now };
    void this.#runtime?.close(signal);
  }

  #onHangUp(): void {
    if (process.platform === 'win32' || this.#cli.stdout.isTTY) this.#onStop('SIGHUP');
    else
      this.#runtime?.api
        .reload()
        .catch((error: unknown) => this.#cli.err(`reading the files again failed: ${String(error)}`));
  }
}
