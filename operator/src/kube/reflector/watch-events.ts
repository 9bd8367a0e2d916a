/** One line of a watch as a typed event, or the error that it carries. Pure. */
import type { KubeObject, StatusBody } from '../objects/index.ts';
import { errorFromStatus, KubeError } from '../transport/index.ts';

export type WatchEvent =
  | {
      readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
      readonly object: KubeObject;
      readonly version: string | undefined;
    }
  /** Nothing changed up to `version`. `initialEnd`: the initial events of a streaming list are complete. */
  | { readonly type: 'BOOKMARK'; readonly version: string; readonly initialEnd: boolean };

const initialEventsEnd = 'k8s.io/initial-events-end';

/** Throws on ERROR events and on lines that are no event: every one of them must be seen, none may be skipped. */
export function parseWatchLine(line: Buffer, what: string): WatchEvent {
  let raw: { readonly type?: unknown; readonly object?: unknown };
  try {
    raw = JSON.parse(line.toString('utf8')) as typeof raw;
  } catch (error) {
    throw malformed(what, 'a line is not JSON', error);
  }
  const object = raw?.object as KubeObject | undefined;
  if (typeof object !== 'object' || object === null) throw malformed(what, 'an event has no object');
  switch (raw.type) {
    case 'ERROR': {
      const status = object as unknown as StatusBody;
      throw errorFromStatus(status.code ?? 500, status, what);
    }
    case 'BOOKMARK': {
      const version = object.metadata?.resourceVersion;
      if (version === undefined) throw malformed(what, 'a bookmark has no version');
      return { type: 'BOOKMARK', version, initialEnd: object.metadata.annotations?.[initialEventsEnd] === 'true' };
    }
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      if (typeof object.metadata?.name !== 'string') throw malformed(what, 'an object has no name');
      return { type: raw.type, object, version: object.metadata.resourceVersion };
    default:
      throw malformed(what, `unknown event type ${JSON.stringify(raw.type)}`);
  }
}

function malformed(what: string, text: string, cause?: unknown): KubeError {
  return new KubeError('KUBE_PROTOCOL', `${what}: ${text}`, { reason: 'MalformedEvent', cause });
}
