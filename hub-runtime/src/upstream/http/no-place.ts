/** What is said of places a conversation cannot go to, or stay at: status, logs and calls say it alike. */
import { ConnectError } from '../conversation.ts';

export const noneReady = 'no replica of it is ready';
export const takesNothingNew = 'its replica takes nothing new';

/** There is nowhere to open a conversation, for now. */
export function noPlace(): ConnectError {
  return new ConnectError('NoEndpoints', noneReady, true);
}
