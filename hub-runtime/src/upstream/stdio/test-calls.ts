/** Calls as the router would hand them to a lane, for tests of this room. */
import { anonymous, type Caller, Cancellation, type LaneCall } from '../../exchange/index.ts';
import { type MemberEdit, type RawJson, rawOf, scanObject } from '../../wire/index.ts';

export interface TestCall extends LaneCall {
  readonly cancellation: Cancellation;
  /** What the client was told before the answer. */
  readonly notified: string[];
}

export interface TestCallOptions {
  readonly method?: string;
  readonly params?: unknown;
  readonly progressToken?: string;
  readonly logLevel?: string;
  readonly edits?: readonly MemberEdit[];
}

export const legacyCaller: Caller = {
  era: 'legacy',
  revision: '2025-06-18',
  principal: anonymous,
  session: undefined,
  capabilities: '{}' as RawJson,
  clientInfo: undefined,
};

/** `params: null` is a call without params. */
export function testCall(options: TestCallOptions = {}): TestCall {
  const { params = { name: 'echo', arguments: {} } } = options;
  const cancellation = new Cancellation();
  const notified: string[] = [];
  return {
    cancellation,
    notified,
    edits: options.edits ?? [],
    target: undefined,
    exchange: {
      method: options.method ?? 'tools/call',
      params: params === null ? undefined : scanObject(rawOf(params)),
      caller: legacyCaller,
      leg: {
        id: '"client"' as RawJson,
        progressToken: options.progressToken as RawJson | undefined,
        logLevel: options.logLevel,
        cancellation,
        notify: (message) => notified.push(message),
      },
    },
  };
}
