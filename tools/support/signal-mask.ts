/** Reads the signal mask of a process from the text of its `/proc/<pid>/status`. */

/** SIGINT is signal 2, so the second bit. */
export function blocksInterrupt(status: string): boolean {
  const mask = /^SigBlk:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return mask !== undefined && (BigInt(`0x${mask}`) & 2n) !== 0n;
}
