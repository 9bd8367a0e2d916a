/**
 * Glob patterns over tool names: `*` is any run of characters, `?` exactly one, everything else itself.
 *
 * Runs when a catalog is built. At most pattern times text steps: the only way back is to the last star, so no pattern can blow up.
 */
export function globMatches(pattern: string, text: string): boolean {
  let at = 0;
  let inText = 0;
  let star = -1;
  let resume = 0;
  while (inText < text.length) {
    const wanted = pattern[at];
    if (wanted === '*') {
      star = at++;
      resume = inText;
    } else if (wanted === '?' || (wanted !== undefined && wanted === text[inText])) {
      at++;
      inText++;
    } else if (star >= 0) {
      at = star + 1;
      inText = ++resume;
    } else return false;
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}
