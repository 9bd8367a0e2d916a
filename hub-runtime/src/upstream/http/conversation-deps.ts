/** What a conversation over HTTP is given, of either era. */
import type { ServerConfig } from '@quaymaster/crds';

import type { Clock, Logger, Random } from '../../base/index.ts';
import type { Observer } from '../../observe/index.ts';
import type { ConnectRequest } from '../conversation.ts';
import type { CallerTags } from './caller-tags.ts';
import type { Endpoint } from './endpoint.ts';
import type { Places } from './places.ts';

export interface HttpConversationDeps {
  readonly endpoint: Endpoint;
  readonly places: Places;
  /** Nothing goes to the places any more. Idempotent. */
  readonly release: () => void;
  /** Behind a bridge: it learns for whom a request is. */
  readonly callers: CallerTags | undefined;
  /** Settings of the moment: timeouts may change under a live conversation. */
  readonly config: () => ServerConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly observer: Observer;
  readonly request: ConnectRequest;
}

/** Of one call: what all of the conversation have, as lines, and its own. */
export interface CallHeaders {
  readonly lines: string;
  readonly headers: readonly string[];
}
