/**
 * Qualified resource URIs: the form that names its server, used where a bare URI would be ambiguous (EF-25, HT-0.07).
 *
 *  `qm://<prefix>/<original uri>`; for MCP Apps, whose hosts insist on the scheme, `ui://qm.<prefix>/<rest>`.
 * The original follows unescaped, so the way back is a slice and any URI of any server can be carried, templates included.
 */
const plain = 'qm://';
const app = 'ui://';
const appHost = 'ui://qm.';

export function qualifiedUri(prefix: string, uri: string): string {
  return uri.startsWith(app) ? `${appHost}${prefix}/${uri.slice(app.length)}` : `${plain}${prefix}/${uri}`;
}

/** Prefix and original of a qualified URI; undefined for any other. */
export function parseQualifiedUri(uri: string): { readonly prefix: string; readonly original: string } | undefined {
  const isApp = uri.startsWith(appHost);
  if (!isApp && !uri.startsWith(plain)) return undefined;
  const start = isApp ? appHost.length : plain.length;
  const slash = uri.indexOf('/', start);
  if (slash <= start || slash + 1 >= uri.length) return undefined;
  const rest = uri.slice(slash + 1);
  return { prefix: uri.slice(start, slash), original: isApp ? app + rest : rest };
}
