/**
 * Order of resourceVersions. Kubernetes declares them comparable as decimal numbers; anything else gives `undefined`, and every caller
 * reads that as "do not draw conclusions".
 */
export function compareResourceVersions(a: string | undefined, b: string | undefined): -1 | 0 | 1 | undefined {
  if (a === undefined || b === undefined || !decimal.test(a) || !decimal.test(b)) return undefined;
  if (a.length !== b.length) return a.length < b.length ? -1 : 1;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

const decimal = /^(0|[1-9][0-9]{0,38})$/;
