/**
 * Where the URIs of a result stand: of an item (`contents[].uri`, a resource link in `content[]`), and of what an item embeds. What holds for
 * held results by their types (router/result-edits.ts) is told here by the keys on the way, for types may come after what they are about.
 */

/** `keys[n]`: the key on level n, 1 being that of the message, '' in lists. `depth`: of the container of the string that begins. */
export function isUriPlace(keys: readonly string[], depth: number): boolean {
  if (depth < 4 || depth > 6 || keys[depth] !== 'uri') return false;
  switch (keys[2]) {
    case 'contents':
      return depth === 4;
    case 'content':
      return depth === 4 || (depth === 5 && keys[4] === 'resource');
    case 'messages':
      return keys[4] === 'content' && (depth === 5 || (depth === 6 && keys[5] === 'resource'));
    default:
      return false;
  }
}
