/** What the loader reads of a program or library: for whom it is, which loader starts it, what else it needs. 64-bit little-endian only. */

export interface Elf {
  readonly machine: 'amd64' | 'arm64' | 'other';
  /** The loader's path; libraries and static programs have none. */
  readonly interpreter: string | undefined;
  readonly needed: readonly string[];
}

const machines: Readonly<Record<number, Elf['machine']>> = { 62: 'amd64', 183: 'arm64' };
const segment = { load: 1, dynamic: 2, interpreter: 3 };
const tag = { needed: 1n, stringTable: 5n };

/** Undefined when it is no ELF file. */
export function readElf(bytes: Buffer): Elf | undefined {
  if (bytes.length < 64 || bytes.readUInt32BE(0) !== 0x7f454c46) return undefined;
  const machine = machines[bytes.readUInt16LE(18)] ?? 'other';
  if (bytes[4] !== 2 || bytes[5] !== 1) return { machine: 'other', interpreter: undefined, needed: [] };
  const segments = programHeaders(bytes);
  const interpreter = segments.find(({ type }) => type === segment.interpreter);
  return {
    machine,
    interpreter: interpreter === undefined ? undefined : textAt(bytes, interpreter.offset),
    needed: neededOf(bytes, segments),
  };
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

function programHeaders(bytes: Buffer): readonly Segment[] {
  const [start, width, count] = [Number(bytes.readBigUInt64LE(32)), bytes.readUInt16LE(54), bytes.readUInt16LE(56)];
  return Array.from({ length: count }, (_, index) => {
    const at = start + index * width;
    return {
      type: bytes.readUInt32LE(at),
      offset: Number(bytes.readBigUInt64LE(at + 8)),
      address: Number(bytes.readBigUInt64LE(at + 16)),
      size: Number(bytes.readBigUInt64LE(at + 32)),
    };
  });
}

function neededOf(bytes: Buffer, segments: readonly Segment[]): readonly string[] {
  const dynamic = segments.find(({ type }) => type === segment.dynamic);
  if (dynamic === undefined) return [];
  const names: number[] = [];
  let table: number | undefined;
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += 16) {
    const [kind, value] = [bytes.readBigUInt64LE(at), Number(bytes.readBigUInt64LE(at + 8))];
    if (kind === tag.needed) names.push(value);
    if (kind === tag.stringTable) table = fileOffset(segments, value);
  }
  const strings = table;
  return strings === undefined ? [] : names.map((name) => textAt(bytes, strings + name));
}

function fileOffset(segments: readonly Segment[], address: number): number | undefined {
  const holder = segments.find(
    (each) => each.type === segment.load && address >= each.address && address < each.address + each.size,
  );
  return holder === undefined ? undefined : address - holder.address + holder.offset;
}

function textAt(bytes: Buffer, at: number): string {
  return bytes.toString('latin1', at, bytes.indexOf(0, at));
}
