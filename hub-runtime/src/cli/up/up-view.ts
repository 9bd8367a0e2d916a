/** What `qm up` shows while it lives. One view per run, chosen by who is looking. */
import type { LocalEvent } from '../../local/run/index.ts';
import type { Cli } from '../support/index.ts';
import { createLiveView } from './live-view.ts';
import { createPlainView } from './plain-view.ts';

export interface UpView {
  event(event: LocalEvent): void;
  /** Nothing more will be shown; the terminal is left in order. */
  end(): void;
}

export function createUpView(cli: Cli, form: 'text' | 'json' | 'none'): UpView {
  if (form === 'none') return { event: () => {}, end: () => {} };
  if (form === 'json') return { event: (event) => cli.out(JSON.stringify(event)), end: () => {} };
  return cli.live ? createLiveView(cli) : createPlainView(cli);
}
