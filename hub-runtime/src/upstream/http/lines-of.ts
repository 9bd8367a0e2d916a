/** Request headers that stay the same as long as a conversation, as lines that are checked and put together once. */
import { headerLines } from '../../http-client/index.ts';
import { ConnectError } from '../conversation.ts';

/** Throws ConnectError: HTTP does not allow one of them. */
export function linesOf(headers: readonly string[]): string {
  const lines = headerLines(headers);
  if (lines !== undefined) return lines;
  throw new ConnectError('StartFailed', 'one of its request headers holds characters HTTP does not allow', false);
}
