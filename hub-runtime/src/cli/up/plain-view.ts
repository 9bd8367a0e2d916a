/** One line per change, for logs and pipes. `ready <url>` comes once, when the first settling is over, and after everything about it. */
import type { LocalEvent } from '../../local/run/index.ts';
import { formatProblem } from '../../local/problems/index.ts';
import { type Cli, printable } from '../support/index.ts';
import type { UpView } from './up-view.ts';

export function createPlainView(cli: Cli): UpView {
  const last = new Map<string, string>();
  return {
    event(event) {
      const lines = linesOf(event);
      if (event.kind === 'server') {
        const line = lines.join('\n');
        if (last.get(event.key) === line) return;
        last.set(event.key, line);
      }
      const print = event.kind === 'config' || event.kind === 'stopping' ? cli.err : cli.out;
      for (const line of lines) print(line);
    },
    end: () => {},
  };
}

export function linesOf(event: LocalEvent): string[] {
  switch (event.kind) {
    case 'listening':
      return [`listening on ${event.url}${event.health === undefined ? '' : ` (health ${event.health})`}`];
    case 'server':
      return [`${shortKey(event.key)}: ${serverText(event)}`];
    case 'config':
      return [
        event.applied
          ? `configuration taken over (generation ${event.generation})`
          : 'the files cannot be used as they are; the last good configuration keeps running',
        ...event.problems.map((one) => `  ${formatProblem(one)}`),
      ];
    case 'ready':
      return [
        ...event.waiting.map((one) => `not ready: ${shortKey(one.key)} (${one.phase}): ${printable(one.message)}`),
        ...partlyLines(event),
        `ready ${event.url}`,
      ];
    case 'stopping':
      return [`stopping (${event.reason})`];
  }
}

/** What the hubs leave out, and why. */
export function partlyLines(event: Pick<Extract<LocalEvent, { kind: 'ready' }>, 'partly'>): string[] {
  return event.partly.map((one) => `${shortKey(one.key)}: Degraded (${one.reason}): ${printable(one.message)}`);
}

export function serverText(event: Extract<LocalEvent, { kind: 'server' }>): string {
  if (event.phase === 'Ready') {
    const facts = [
      ...(event.tools === undefined ? [] : [event.tools === 1 ? '1 tool' : `${event.tools} tools`]),
      ...(event.pid === undefined ? [] : [`pid ${event.pid}`]),
    ];
    return facts.length === 0 ? 'Ready' : `Ready (${facts.join(', ')})`;
  }
  const why = event.message === '' ? event.reason : event.message;
  return why === '' || why === event.phase ? event.phase : `${event.phase}: ${printable(why)}`;
}

/** The namespace shows only where it is not the usual one. */
export function shortKey(key: string): string {
  return key.startsWith('default/') ? key.slice('default/'.length) : key;
}
