/** Columns of text, as kubectl draws them: two blanks between, no lines, cut at the width of the terminal. */
export interface TableOptions {
  /** Columns of the terminal; undefined when nobody looks. */
  readonly width?: number | undefined;
  readonly paint?: (text: string, row: number, column: number) => string;
}

export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  options: TableOptions = {},
): string[] {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => visible(row[column] ?? ''))));
  return all.map((row, index) => {
    let left = options.width ?? Number.POSITIVE_INFINITY;
    const cells: string[] = [];
    for (const [column, cell] of row.entries()) {
      if (left <= 0) break;
      const last = column === head.length - 1;
      const width = Math.min(left, last ? visible(cell) : (widths[column] ?? 0));
      const fitted = fit(cell, width);
      left -= width + 2;
      const painted = options.paint === undefined || index === 0 ? fitted : options.paint(fitted, index - 1, column);
      cells.push(painted + ' '.repeat(Math.max(0, last ? 0 : width - visible(fitted))));
    }
    return cells.join('  ').trimEnd();
  });
}

function fit(text: string, width: number): string {
  if (visible(text) <= width) return text;
  return width <= 1
    ? text.slice(0, width)
    : `${Array.from(text)
        .slice(0, width - 1)
        .join('')}…`;
}

function visible(text: string): number {
  return Array.from(text).length;
}

/** What a server says may hold anything; a terminal obeys some of it. */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '\u{fffd}');
}

/** `73s`, `5m`, `3h`, `2d`: one unit, as kubectl's AGE. */
export function age(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}
