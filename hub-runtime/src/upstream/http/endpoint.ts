/** Where an HTTP server is, checked once: what later fails inside a library could quote a secret header in its message. */
import { reservedHeaders } from '@quaymaster/crds';

import type { ServerTarget } from '../../exchange/index.ts';
import { isFieldName, isFieldValue } from '../../http-client/index.ts';
import { ConnectError } from '../conversation.ts';

export interface Endpoint {
  readonly origin: string;
  /** Path with query. */
  readonly path: string;
  /** The server's own request headers (they may hold credentials), flat: name, value, name, value. */
  readonly headers: readonly string[];
}

const reserved = new Set(reservedHeaders);

export function endpointOf(target: Extract<ServerTarget, { kind: 'http' }>): Endpoint {
  const url = URL.parse(target.url);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw new ConnectError('StartFailed', 'the URL of the server is no http or https URL', false);
  if (url.username !== '' || url.password !== '')
    throw new ConnectError(
      'StartFailed',
      'the URL of the server holds a user name or password; use spec.source.remote.headers',
      false,
    );
  const headers: string[] = [];
  for (const [name, value] of Object.entries(target.headers)) {
    if (reserved.has(name.toLowerCase())) continue;
    if (!isFieldName(name))
      throw new ConnectError('StartFailed', 'a request header of the server has an illegal name', false);
    if (!isFieldValue(value))
      throw new ConnectError(
        'StartFailed',
        `the value of request header "${name}" holds characters HTTP does not allow`,
        false,
      );
    headers.push(name, value.trim());
  }
  return { origin: url.origin, path: `${url.pathname}${url.search}`, headers };
}
