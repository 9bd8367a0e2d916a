/** Reads back what the writer wrote, for tests and checks of finished archives: ustar, files whole in memory. */

export interface TarMember {
  readonly name: string;
  readonly kind: 'file' | 'directory' | 'link';
  readonly mode: number;
  readonly owner: readonly [number, number];
  readonly time: number;
  readonly target: string;
  readonly content: Buffer;
}

const kinds: Readonly<Record<string, TarMember['kind']>> = { '0': 'file', '2': 'link', '5': 'directory' };

export function* readTar(bytes: Buffer): Generator<TarMember> {
  for (let at = 0; at + 512 <= bytes.length;) {
    const header = bytes.subarray(at, at + 512);
    if (header[0] === 0) return;
    const text = (from: number, length: number): string => {
      const end = header.indexOf(0, from);
      return header.toString('utf8', from, Math.min(end < 0 ? from + length : end, from + length));
    };
    const number = (from: number, length: number): number => Number.parseInt(text(from, length).trim(), 8);
    const kind = kinds[text(156, 1)];
    if (kind === undefined) throw new Error(`${text(0, 100)} is of a kind that no image here has`);
    const prefix = text(345, 155);
    const size = number(124, 12);
    yield {
      name: (prefix === '' ? '' : `${prefix}/`) + text(0, 100),
      kind,
      mode: number(100, 8),
      owner: [number(108, 8), number(116, 8)],
      time: number(136, 12),
      target: text(157, 100),
      content: bytes.subarray(at + 512, at + 512 + size),
    };
    at += 512 + Math.ceil(size / 512) * 512;
  }
}
