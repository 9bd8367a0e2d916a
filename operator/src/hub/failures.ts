/** What the API server refused, as a problem people can act on. Everything that passes by itself (network, conflicts) stays an error. Pure. */
import { isNamespaceTerminating, KubeError, type Resource, resourceName } from '../kube/index.ts';
import type { Problem } from './status.ts';

/** Undefined: nothing to tell anybody; the queue tries again. */
export function problemOf(error: unknown, resource: Resource, name: string): Problem | undefined {
  if (error instanceof NameTakenError) return { reason: 'NameTaken', message: error.message };
  if (!(error instanceof KubeError) || error.code !== 'KUBE_STATUS' || isNamespaceTerminating(error)) return undefined;
  const what = `${resource.kind} ${name}`;
  const words = plain(error.message, resource);
  if (error.status === 403) {
    const quota = /exceeded quota|failed quota/i.test(error.message);
    return { reason: quota ? 'QuotaExceeded' : 'ApplyRefused', message: `${what}: ${words}` };
  }
  if (error.status === 400 || error.status === 422) return { reason: 'ApplyRefused', message: `${what}: ${words}` };
  return undefined;
}

/** An object of the needed name belongs to somebody else. */
export class NameTakenError extends Error {
  constructor(resource: Resource, name: string) {
    super(`${resource.kind} ${name} (${resourceName(resource)}) belongs to somebody else and is left alone`);
    this.name = 'NameTakenError';
  }
}

const longest = 1000;

/** The server's words without the request line of our client, and never so long that a status does not fit. */
function plain(message: string, resource: Resource): string {
  const text = message
    .replace(/^(GET|POST|PUT|PATCH|DELETE) \S+: /, '')
    .replace(`${resource.plural}.${resource.group} `, '');
  return text.length > longest ? `${text.slice(0, longest)}...` : text;
}
