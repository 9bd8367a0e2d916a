/** Request headers of a remote server with the values behind their references. */
import type { HeaderEntry, KeyRef, ServerConfig } from '@quaymaster/crds';

import { TargetError } from '../exchange/index.ts';

/** `secret` gives the value of a reference; undefined leaves the header out (optional ones), what is missing it throws. */
export function headersOf(
  server: ServerConfig,
  secret: (ref: KeyRef) => string | undefined,
): Readonly<Record<string, string>> {
  const out: Record<string, string> = {};
  for (const entry of server.headers) {
    const value = 'value' in entry ? entry.value : secretHeader(entry, secret(entry.secretKeyRef));
    if (value !== undefined) out[entry.name] = value;
  }
  return out;
}

function secretHeader(
  { name: header, prefix, secretKeyRef }: Extract<HeaderEntry, { secretKeyRef: KeyRef }>,
  secret: string | undefined,
): string | undefined {
  if (secret === undefined) return undefined;
  // Files that secrets come from end with a newline, which no header may hold.
  const value = (prefix ?? '') + secret.trim();
  if (/^[\t\u0020-\u007e\u0080-\u00ff]*$/.test(value)) return value;
  const { name, key } = secretKeyRef;
  throw new TargetError(
    'SecretInvalid',
    `key "${key}" of Secret "${name}" holds characters that no request header may carry (${header}); correct its value`,
    true,
  );
}
