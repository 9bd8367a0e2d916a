/** Kubernetes quantities: the server keeps `0.5` as `500m` and `1024Mi` as `1Gi`, which is no drift. */
const quantityFields =
  /(^|\.)(requests|limits|capacity|hard|min|max|default|defaultRequest|sizeLimit|averageValue|value|divisor|storage)(\.|$)/;
const pattern = /^([+-]?(?:\d+\.?\d*|\.\d+))(m|u|n|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?\d{1,3})?$/;
const factors: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
  Ti: 1024 ** 4,
  Pi: 1024 ** 5,
  Ei: 1024 ** 6,
};

/** True when both values are equal quantities, at a place where quantities stand. A label `1Ki` is not `1024`. */
export function sameQuantity(fields: string, a: unknown, b: unknown): boolean {
  if (!quantityFields.test(fields)) return false;
  const left = parse(a);
  const right = parse(b);
  if (left === undefined || right === undefined) return false;
  return left === right || Math.abs(left - right) <= Math.abs(left) * 1e-12;
}

function parse(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') return undefined;
  const match = pattern.exec(value);
  if (match === null) return undefined;
  const suffix = match[2] ?? '';
  if (/^[eE][+-]?\d/.test(suffix)) return Number(match[1] + suffix);
  return Number(match[1]) * (factors[suffix] ?? 1);
}
