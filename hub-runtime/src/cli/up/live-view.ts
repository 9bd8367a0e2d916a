/**
 * On a terminal: a table that is redrawn in place while servers start, then the endpoint and lines to paste. After that, one line per change.
 *
 * Redrawn at most ten times a second. Never moves the cursor above its own lines; a resized window at worst leaves an old table standing.
 */
import { linesOf, partlyLines, serverText, shortKey } from './plain-view.ts';
import { type Cli, table } from '../support/index.ts';
import { pasteLines } from './paste-lines.ts';
import type { UpView } from './up-view.ts';

interface Row {
  phase: string;
  text: string;
}

const drawMs = 100;

export function createLiveView(cli: Cli): UpView {
  const rows = new Map<string, Row>();
  /** What was said last of each server: a failing one is tried again and again, and fails the same way. */
  const said = new Map<string, string>();
  let drawn = 0;
  let timer: NodeJS.Timeout | undefined;
  let settled = false;
  let lines: string[] = [];
  const draw = (): void => {
    timer = undefined;
    const width = cli.stdout.columns || 80;
    const body = [...rows]
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([key, row]) => [mark(row.phase), shortKey(key), row.text]);
    const paint = (text: string, row: number, column: number): string =>
      column === 0 || column === 2 ? colored(cli, body[row]?.[0] ?? '', text, column) : text;
    const next = body.length === 0 ? [] : table(['', 'SERVER', 'STATE'], body, { width: width - 1, paint });
    const up = drawn === 0 ? '' : `\u001b[${drawn}A\r\u001b[0J`;
    cli.stdout.write(`${up}${[...lines, ...next].map((line) => `${line}\n`).join('')}`);
    lines = [];
    drawn = next.length;
  };
  const soon = (): void => {
    timer ??= setTimeout(draw, drawMs);
  };
  return {
    event(event) {
      if (event.kind === 'server') {
        const text = serverText(event);
        if (settled && said.get(event.key) === text) return;
        said.set(event.key, text);
      }
      if (event.kind === 'server' && !settled) rows.set(event.key, { phase: event.phase, text: serverText(event) });
      else if (event.kind === 'ready') {
        draw();
        settled = true;
        drawn = 0;
        rows.clear();
        if (timer !== undefined) clearTimeout(timer);
        for (const line of partlyLines(event)) cli.out(line);
        for (const line of pasteLines(cli, event.url, event.tools)) cli.out(line);
        return;
      } else lines.push(...linesOf(event));
      if (!settled) return soon();
      for (const line of event.kind === 'server' ? linesOf(event) : lines) cli.out(line);
      lines = [];
    },
    end() {
      if (timer === undefined) return;
      clearTimeout(timer);
      draw();
    },
  };
}

function mark(phase: string): string {
  if (phase === 'Ready') return '✓';
  return phase === 'Degraded' || phase === 'Stopped' ? '✗' : '…';
}

function colored(cli: Cli, sign: string, text: string, column: number): string {
  if (sign === '✓') return column === 0 ? cli.colors.green(text) : text;
  return sign === '✗' ? cli.colors.red(text) : cli.colors.dim(text);
}
