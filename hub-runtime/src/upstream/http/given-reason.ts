/** Why a server behind a bridge cannot serve, in the bridge's own words: reasons are those of the condition table, so that status shows them as locally. */
import { findReason } from '@quaymaster/crds';

import { memberRaw, memberString, type ScannedMessage, scanObject } from '../../wire/index.ts';
import { printable } from '../answer.ts';
import { ConnectError } from '../conversation.ts';

/** Undefined: none was given, or one nobody knows. */
export function reasonGiven(status: number, message: ScannedMessage | undefined): ConnectError | undefined {
  if (status !== 503 || message?.kind !== 'response' || message.error === undefined) return undefined;
  const data = memberRaw(scanObject(message.error), 'data');
  const given = data === undefined ? undefined : scanObject(data);
  const reason = memberString(given, 'reason');
  const row = reason === undefined ? undefined : findReason(reason);
  if (reason === undefined || row === undefined) return undefined;
  const words = memberString(given, 'message');
  // What only a change of the manifest can mend is not tried often.
  return new ConnectError(reason, words === undefined ? row.say({}) : printable(words), row.on.Stalled !== 'True');
}
