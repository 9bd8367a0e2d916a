/**
 * One message as it goes over the wire to every replica of a hub.
 *
 * `key` names the content: a replica that was sent the key needs no other. Bytes are made when the first replica needs them, shared by all
 * of them (a socket keeps the buffer, not a copy), and given up when nobody waits any more; so 50 hubs at rest hold no text at all.
 */
import type { OperatorMessage } from '@quaymaster/crds';

export type FrameType = OperatorMessage['type'];

export interface Frame {
  readonly type: FrameType;
  readonly key: string;
  bytes(): Buffer;
  release(): void;
}

/** `members` is the JSON of the message without its type and braces, made only when needed. */
export function createFrame(type: FrameType, key: string, members: () => string): Frame {
  let bytes: Buffer | undefined;
  return {
    type,
    key,
    bytes: () => (bytes ??= Buffer.from(`{"type":"${type}",${members()}}`)),
    release: () => {
      bytes = undefined;
    },
  };
}
