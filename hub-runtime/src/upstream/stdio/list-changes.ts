/**
 * Keeps `subscriptions/listen` open on a modern stdio server, so that its list changes arrive (2026-07-28, subscriptions).
 *
 * Asks only for what the server's capabilities offer. When the server ends the subscription it is opened again after a pause; when it
 * refuses, it is left alone: its lists then change only when it is started again.
 */
import type { Clock } from '../../base/index.ts';
import { objectRaw, parseRaw, rawOf, type ScannedObject } from '../../wire/index.ts';
import { ownLine } from './call-line.ts';
import { againMs, mayListenAgain } from './piped-listens.ts';
import type { StdioChannel } from './stdio-channel.ts';

export function listenForListChanges(
  channel: StdioChannel,
  capabilities: ScannedObject,
  envelope: string,
  clock: Clock,
): void {
  const notifications = wanted(capabilities);
  if (notifications === undefined) return;
  const params = rawOf({ notifications });
  const listen = async (): Promise<void> => {
    const id = channel.nextId();
    const line = ownLine(id, 'subscriptions/listen', params, envelope);
    const outcome = await channel.request(id, 'subscriptions/listen', line, undefined, Infinity, Infinity);
    if (mayListenAgain(outcome) && channel.end === undefined) clock.after(againMs, () => void listen());
  };
  void listen();
}

function wanted(capabilities: ScannedObject): Readonly<Record<string, true>> | undefined {
  const offered = parseRaw(objectRaw(capabilities)) as Readonly<Record<string, { listChanged?: unknown } | null>>;
  const kinds = ['tools', 'prompts', 'resources'].filter((kind) => offered[kind]?.listChanged === true);
  return kinds.length === 0 ? undefined : Object.fromEntries(kinds.map((kind) => [`${kind}ListChanged`, true]));
}
