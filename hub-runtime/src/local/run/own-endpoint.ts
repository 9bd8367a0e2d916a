/**
 * Keeps the hub from calling itself: its list would hold its own list, one prefix longer at each turn, until the limit of tools ends it.
 *
 * Happens easily: a client's file names the hub, and the hub runs that file. It compares addresses only; what lies behind a proxy or a second
 * hub is not seen.
 */
import { TargetError } from '../../exchange/index.ts';

const thisMachine = new Set(['localhost', '127.0.0.1', '[::1]', '0.0.0.0', '[::]']);

export function refuseOwnEndpoint(url: string, endpoint: string | undefined): void {
  if (endpoint === undefined || !isSame(new URL(url), new URL(endpoint))) return;
  throw new TargetError(
    'OwnEndpoint',
    `${endpoint} is the address of this hub itself; take this server out of the files the hub runs, or name another hub of them in source.hub.name`,
    false,
  );
}

function isSame(url: URL, own: URL): boolean {
  if (portOf(url) !== portOf(own)) return false;
  return url.hostname === own.hostname || (thisMachine.has(url.hostname) && thisMachine.has(own.hostname));
}

function portOf(url: URL): string {
  return url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
}
