/**
 * Takes out of a line what no two runs share: ids of processes and sessions, addresses, times, opaque cursors.
 *
 * On the text itself, so that order of members, spacing and the spelling of numbers are compared as well. Values that stand for
 * something are numbered by first appearance within a stream: which equals which is still compared. Repetitions are bounded: lines may be
 * megabytes long.
 */
const rules: readonly (readonly [RegExp, string])[] = [
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, 'time'],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, 'uuid'],
  [/"(?:next)?[cC]ursor":"([^"]+)"/g, 'cursor'],
  [/"pid":(\d+)/g, 'pid'],
  // What tells hubs of one name apart.
  [/\b[a-z0-9-]{1,52}~([0-9a-f]{8})\b/g, 'mark'],
  [
    /(?:https?:\/\/)?(?:127\.0\.0\.1|localhost|\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}|[a-z0-9-]{1,63}\.[a-z0-9-]{1,63}\.svc\.cluster\.local):?\d*/g,
    'address',
  ],
];

export function plain(lines: readonly string[]): string[] {
  const seen = new Map<string, string>();
  const numbered = (kind: string, value: string): string => {
    const key = `${kind} ${value}`;
    const known = seen.get(key);
    if (known !== undefined) return known;
    const name = `<${kind} ${[...seen.keys()].filter((one) => one.startsWith(`${kind} `)).length + 1}>`;
    seen.set(key, name);
    return name;
  };
  return lines.map((line) =>
    rules.reduce(
      (text, [pattern, kind]) =>
        text.replace(pattern, (whole: string, group: unknown) =>
          typeof group === 'string' ? whole.replace(group, numbered(kind, group)) : numbered(kind, whole),
        ),
      line,
    ),
  );
}
