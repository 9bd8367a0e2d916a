/** Names of client files as object names: unique, legal, stable for the same file. */

/** McpServer names leave room for the suffixes an operator adds. */
const longest = 52;

export class ServerNames {
  readonly #taken = new Set<string>();

  /** First come, first kept: the second `Files` becomes `files-2`. */
  take(name: string): string {
    const base = legal(name);
    let candidate = base;
    for (let n = 2; this.#taken.has(candidate); n++)
      candidate = `${base.slice(0, longest - 1 - String(n).length)}-${n}`;
    this.#taken.add(candidate);
    return candidate;
  }
}

function legal(name: string): string {
  const kept = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}+/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  const started = /^[a-z]/.test(kept) ? kept : `s-${kept}`.replace(/-+$/, '');
  return started.slice(0, longest).replace(/-+$/, '') || 'server';
}
