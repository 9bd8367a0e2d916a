/**
 * A conversation over one pipe that stays open (HTTP+SSE, WebSocket) stays at one place: once that takes nothing new, neither does the
 * conversation. A primary one then ends by itself, so that another is opened elsewhere; one of a single client is replaced with its next call.
 */
import { onlyReads } from '../../wire/index.ts';
import type { RemoteOptions, StdioConversation } from '../stdio/index.ts';
import { noneReady, takesNothingNew } from './no-place.ts';
import type { Place } from './place.ts';
import type { Places } from './places.ts';

/** `end`: nothing is in flight any more, and the pipe is of no use. */
export function remoteAt(place: Place, end: () => Promise<void>): RemoteOptions {
  return {
    repeats: onlyReads,
    stale: () => (place.state === 'ready' ? undefined : takesNothingNew),
    released: () => void end(),
  };
}

/** Until the returned function is called. */
export function leaveWithPlace(conversation: StdioConversation, place: Place, places: Places): () => void {
  return places.onChange(() => {
    if (place.state === 'ready') return;
    if (places.anyReady) conversation.leave('ConnectionLost', takesNothingNew);
    else conversation.leave('NoEndpoints', noneReady);
  });
}
