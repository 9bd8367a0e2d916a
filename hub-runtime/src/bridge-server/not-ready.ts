/** What a bridge says whose child is not there: to a handshake with the reason from the table of conditions, to a call with the error a hub gives. */
import { type ErrorOutcome, hubError, type UpstreamState } from '../exchange/index.ts';
import { encodeText, parseRaw, rawOf } from '../wire/index.ts';

/** A hub takes reason and message over as its own view of the server (`InstallFailed`, `CrashLoop`, ...). */
export function notReady(server: string, state: UpstreamState, isHandshake: boolean): ErrorOutcome {
  const error = hubError('QM_SERVER_FAILED', { server, reason: state.message });
  if (!isHandshake || error.data === undefined) return error;
  const { reason, message } = state;
  return { ...error, data: rawOf({ ...(parseRaw(error.data) as object), reason, message }) };
}

export const handshakeMethods: ReadonlySet<string | undefined> = new Set(['initialize', 'server/discover']);

/** The session header must be visible ASCII of bounded length; ours are. */
export function isPlain(text: string, most: number): boolean {
  return text.length <= most && encodeText(text) === text && /^[\u0021-\u007e]+$/.test(text);
}
