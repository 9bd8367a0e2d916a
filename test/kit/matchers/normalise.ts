/**
 * Makes two transcripts of the same conversation comparable: what differs from run to run (ids, tokens, ports, sessions, times)
 * becomes a placeholder, numbered by first appearance, so that *which* equals *which* is still compared.
 */
export interface NormaliseOptions {
  /** Members left out wherever they stand: names, or paths from the message's root such as `result._meta`. */
  ignore?: readonly string[];
  /** Text replaced in every string. */
  replace?: readonly (readonly [RegExp, string])[];
}

const timestamps = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z\b/g;
const uuids = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi;
const localPorts = /\b(127\.0\.0\.1|localhost|\[::1\]):\d+/g;

export function normalise(messages: readonly unknown[], options: NormaliseOptions = {}): unknown[] {
  const ignore = new Set(options.ignore);
  const seen = new Map<string, string>();
  const numbered = (kind: string, value: unknown): string => {
    const key = `${kind}:${typeof value}:${String(value)}`;
    const known = seen.get(key);
    if (known !== undefined) return known;
    const count = [...seen.keys()].filter((one) => one.startsWith(`${kind}:`)).length + 1;
    const name = `<${kind} ${count}>`;
    seen.set(key, name);
    return name;
  };

  const text = (value: string): string => {
    const plain = value
      .replace(timestamps, '<time>')
      .replace(uuids, (found) => numbered('uuid', found))
      .replace(localPorts, '$1:<port>');
    return (options.replace ?? []).reduce((all, [pattern, by]) => all.replaceAll(pattern, by), plain);
  };

  const walk = (value: unknown, path: string): unknown => {
    if (typeof value === 'string') return text(value);
    if (Array.isArray(value)) return value.map((one) => walk(one, path));
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(
      entries.flatMap(([key, inner]) => member(key, inner, path === '' ? key : `${path}.${key}`)),
    );
  };

  const member = (key: string, value: unknown, path: string): [string, unknown][] => {
    if (ignore.has(key) || ignore.has(path)) return [];
    if (path === 'id' || key === 'requestId' || key.endsWith('/subscriptionId')) return [[key, numbered('id', value)]];
    if (key === 'progressToken') return [[key, numbered('token', value)]];
    if (key === 'pid') return [[key, '<pid>']];
    return [[key, walk(value, path)]];
  };

  return messages.map((one) => walk(one, ''));
}
