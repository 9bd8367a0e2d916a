/**
 * A file tree as it will be in an image: what each path is, not whose disk it came from. Owner, times and order are the writer's, so the same
 * content gives the same bytes whoever builds it.
 */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';

export type Entry =
  | { readonly kind: 'directory'; readonly mode: number }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'file'; readonly mode: number; readonly content: () => Buffer };

export interface Tree {
  /** By path, without a leading slash; parents included. */
  readonly entries: ReadonlyMap<string, Entry>;
}

export class TreeBuilder implements Tree {
  readonly entries = new Map<string, Entry>();

  directory(path: string, mode = 0o755): this {
    return this.#put(path, { kind: 'directory', mode });
  }

  link(path: string, target: string): this {
    return this.#put(path, { kind: 'link', target });
  }

  text(path: string, text: string, mode = 0o644): this {
    return this.#put(path, { kind: 'file', mode, content: () => Buffer.from(text, 'utf8') });
  }

  /** A file of the disk. Executable or not is all that is kept of its mode. */
  file(path: string, from: string, mode?: number): this {
    const own = (statSync(from).mode & 0o100) === 0 ? 0o644 : 0o755;
    return this.#put(path, { kind: 'file', mode: mode ?? own, content: () => readFileSync(from) });
  }

  /** Files and links below a folder of the disk, those that `keep` takes by their path inside it. Empty folders are left out. */
  folder(path: string, from: string, keep: (inside: string) => boolean = () => true): this {
    for (const inside of filesBelow(from)) {
      if (!keep(inside)) continue;
      const link = linkTarget(join(from, inside));
      if (link === undefined) this.file(posix.join(path, inside), join(from, inside));
      else this.link(posix.join(path, inside), link);
    }
    return this;
  }

  #put(path: string, entry: Entry): this {
    const name = posix.normalize(path).replace(/^\/+|\/+$/g, '');
    const parent = posix.dirname(name);
    if (parent !== '.' && !this.entries.has(parent)) this.directory(parent);
    const above = this.entries.get(parent);
    if (above !== undefined && above.kind !== 'directory')
      throw new Error(`/${parent} is no directory, so it cannot hold /${name}`);
    const there = this.entries.get(name);
    if (there !== undefined && (there.kind !== 'directory' || entry.kind !== 'directory'))
      throw new Error(`/${name} is put twice`);
    this.entries.set(name, entry);
    return this;
  }
}

/** Everything below that is no directory, sorted. */
export function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted();
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/** Later trees win, as layers do. */
export function stack(trees: readonly Tree[]): Tree {
  return { entries: new Map(trees.flatMap((tree) => [...tree.entries])) };
}

/** Follows links, also in the middle of a path; undefined when it leads nowhere. */
export function lookUp(tree: Tree, path: string): { readonly path: string; readonly entry: Entry } | undefined {
  let rest = posix
    .normalize(path)
    .split('/')
    .filter((part) => part !== '' && part !== '.');
  let done: string[] = [];
  for (let steps = 0; steps < 100; steps += 1) {
    const part = rest[0];
    if (part === undefined) {
      const name = done.join('/');
      const entry = tree.entries.get(name);
      return entry === undefined ? undefined : { path: name, entry };
    }
    rest = rest.slice(1);
    if (part === '..') {
      done = done.slice(0, -1);
      continue;
    }
    const entry = tree.entries.get([...done, part].join('/'));
    if (entry === undefined) return undefined;
    if (entry.kind === 'link') {
      if (entry.target.startsWith('/')) done = [];
      rest = [...entry.target.split('/').filter((each) => each !== '' && each !== '.'), ...rest];
    } else done = [...done, part];
  }
  return undefined;
}
