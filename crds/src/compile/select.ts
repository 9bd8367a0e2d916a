/** Which servers a hub selects: label selector and include, without exclude (semantics of Kubernetes label selectors). */
import type { McpHubSpec } from '../hub/index.ts';

type Selector = NonNullable<McpHubSpec['servers']['selector']>;
type Labels = Readonly<Record<string, string>>;

export function selects(servers: McpHubSpec['servers'], name: string, labels: Labels): boolean {
  if (servers.exclude.includes(name)) return false;
  if (servers.include.includes(name)) return true;
  return servers.selector !== undefined && matches(servers.selector, labels);
}

function matches(selector: Selector, labels: Labels): boolean {
  const wanted = Object.entries(selector.matchLabels ?? {});
  return (
    wanted.every(([key, value]) => labelOf(labels, key) === value) &&
    (selector.matchExpressions ?? []).every((expression) => holds(expression, labels))
  );
}

function holds(
  { key, operator, values = [] }: NonNullable<Selector['matchExpressions']>[number],
  labels: Labels,
): boolean {
  const value = labelOf(labels, key);
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}

/** A label written as null is the empty string to the API server. */
function labelOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? (labels[key] ?? '') : undefined;
}
