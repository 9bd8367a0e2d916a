/**
 * The one error of this layer, and the one place that says what may be done about it.
 *
 * `code` tells where it arose, `status` is the HTTP status (0 without an answer), `reason` the API server's own word for it.
 * `classify` answers for every caller: queue, reflector and reconcilers never look at status numbers to decide on a retry.
 */
import type { StatusBody, StatusCause } from '../objects/index.ts';

export type KubeErrorCode =
  /** The API server answered with a failure. */
  | 'KUBE_STATUS'
  /** No answer: refused, reset, TLS, DNS. The request may have been executed. */
  | 'KUBE_NETWORK'
  /** No answer in time. The request may have been executed. */
  | 'KUBE_TIMEOUT'
  /** The caller's signal ended it. */
  | 'KUBE_ABORTED'
  /** The answer was no JSON, broken off or over its bound. */
  | 'KUBE_PROTOCOL'
  /** A bound of this client: too many requests wait already. Nothing was sent. */
  | 'KUBE_LIMIT'
  /** This process does not lead (any more). Nothing was sent. */
  | 'KUBE_FENCED'
  /** Kubeconfig or in-cluster files are missing or not usable. */
  | 'KUBE_CONFIG';

export interface KubeErrorFields {
  readonly status?: number | undefined;
  readonly reason?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly causes?: readonly StatusCause[] | undefined;
  readonly cause?: unknown;
}

export class KubeError extends Error {
  readonly code: KubeErrorCode;
  readonly status: number;
  readonly reason: string;
  /** The server's wish; waits shorter than this are wrong. */
  readonly retryAfterMs: number | undefined;
  readonly causes: readonly StatusCause[];

  constructor(code: KubeErrorCode, message: string, fields: KubeErrorFields = {}) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.name = 'KubeError';
    this.code = code;
    this.status = fields.status ?? 0;
    this.reason = fields.reason ?? '';
    this.retryAfterMs = fields.retryAfterMs;
    this.causes = fields.causes ?? [];
  }
}

/** What to do: try again with back-off, read again first, give up until something changes, or: what was asked for is not there. */
export type ErrorClass = 'retry' | 'conflict' | 'terminal' | 'gone';

const terminalStatuses: ReadonlySet<number> = new Set([400, 405, 406, 411, 413, 414, 415, 422]);

export function classify(error: unknown): ErrorClass {
  // What is no KubeError is a fault of the caller's code: repeated with back-off, it may depend on data that changes.
  if (!(error instanceof KubeError)) return 'retry';
  if (error.code === 'KUBE_FENCED' || error.code === 'KUBE_CONFIG') return 'terminal';
  if (error.code !== 'KUBE_STATUS') return 'retry';
  if (error.status === 404 || error.status === 410) return 'gone';
  if (error.status === 409) return 'conflict';
  // Everything in a namespace that is being deleted is refused until the namespace is gone. Other 403 (quota, RBAC) can be lifted without an event.
  if (isNamespaceTerminating(error)) return 'terminal';
  return terminalStatuses.has(error.status) ? 'terminal' : 'retry';
}

export function isStatus(error: unknown, status: number): boolean {
  return error instanceof KubeError && error.code === 'KUBE_STATUS' && error.status === status;
}

/** 410 in both its forms: as an HTTP status and inside an ERROR event of a watch. */
export function isExpired(error: unknown): boolean {
  return (
    isStatus(error, 410) || (error instanceof KubeError && (error.reason === 'Expired' || error.reason === 'Gone'))
  );
}

/** After an etcd restore, or from a lagging API server: our version lies in its future. */
export function isVersionTooLarge(error: unknown): boolean {
  if (!(error instanceof KubeError)) return false;
  if (error.causes.some((cause) => cause.reason === 'ResourceVersionTooLarge')) return true;
  return error.status === 504 && /too large resource version/i.test(error.message);
}

export function isNamespaceTerminating(error: unknown): boolean {
  return (
    error instanceof KubeError &&
    error.status === 403 &&
    error.causes.some((cause) => cause.reason === 'NamespaceTerminating')
  );
}

/** Fields whose change the API server refused because they are immutable. Empty when that is not what happened. */
export function immutableFields(error: unknown): readonly string[] {
  if (!(error instanceof KubeError) || !isStatus(error, 422)) return [];
  const fields: string[] = [];
  for (const cause of error.causes) {
    if (/immutable|may not be (changed|updated)|updates to .* are forbidden|cannot change/i.test(cause.message ?? '')) {
      fields.push(cause.field ?? '');
    }
  }
  // Some kinds put everything into the message (StatefulSet: "updates to statefulset spec for fields other than ... are forbidden").
  if (fields.length === 0 && /immutable|updates to .* are forbidden/i.test(error.message)) fields.push('spec');
  return fields;
}

/** From an answer of status 400 and above, or from the object of an ERROR event. */
export function errorFromStatus(
  status: number,
  body: StatusBody | undefined,
  what: string,
  retryAfterMs?: number,
): KubeError {
  const seconds = body?.details?.retryAfterSeconds;
  const text = body?.message ?? `HTTP ${status}`;
  return new KubeError('KUBE_STATUS', `${what}: ${text}`, {
    status,
    reason: body?.reason ?? '',
    retryAfterMs: retryAfterMs ?? (seconds === undefined || seconds <= 0 ? undefined : seconds * 1000),
    causes: body?.details?.causes ?? [],
  });
}

export function abortedError(signal: AbortSignal, what: string): KubeError {
  const reason: unknown = signal.reason;
  return reason instanceof KubeError ? reason : new KubeError('KUBE_ABORTED', `${what}: aborted`, { cause: reason });
}
