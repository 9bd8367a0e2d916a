/** The lines two texts differ in, with up to three lines around: for showing a small change before it is made. */
const around = 3;

export function diffLines(before: string, after: string): string[] {
  const a = before === '' ? [] : before.replace(/\n$/, '').split('\n');
  const b = after === '' ? [] : after.replace(/\n$/, '').split('\n');
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  if (start === a.length && start === b.length) return [];
  const head = a.slice(Math.max(0, start - around), start).map((line) => `  ${line}`);
  const gone = a.slice(start, a.length - end).map((line) => `- ${line}`);
  const come = b.slice(start, b.length - end).map((line) => `+ ${line}`);
  const tail = a.slice(a.length - end, a.length - end + around).map((line) => `  ${line}`);
  return [...head, ...gone, ...come, ...tail];
}
