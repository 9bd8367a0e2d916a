/**
 * Why a bridge does not serve, in its own words. Reasons are those of the condition table, so that status shows them as locally; codes of refused
 * calls are those of the error table.
 */
import { findReason } from '@quaymaster/crds';

import {
  memberRaw,
  memberString,
  type RawJson,
  type ScannedMessage,
  type ScannedObject,
  scanObject,
} from '../../wire/index.ts';
import { printable } from '../answer.ts';
import { ConnectError } from '../conversation.ts';

/** Undefined: none was given, or one nobody knows. */
export function reasonGiven(status: number, message: ScannedMessage | undefined): ConnectError | undefined {
  if (status !== 503 || message?.kind !== 'response' || message.error === undefined) return undefined;
  const given = dataOf(message.error);
  const reason = memberString(given, 'reason');
  const row = reason === undefined ? undefined : findReason(reason);
  if (reason === undefined || row === undefined) return undefined;
  const words = memberString(given, 'message');
  // What only a change of the manifest can mend is not tried often.
  return new ConnectError(reason, words === undefined ? row.say({}) : printable(words), row.on.Stalled !== 'True');
}

/** A call came back unexecuted. `elsewhere`: another replica may take it. `over`: the server as a whole takes no calls for now, so they wait. */
export function turnedAway(
  status: number,
  message: ScannedMessage | undefined,
): { readonly elsewhere: boolean; readonly over: ConnectError | undefined } {
  const code =
    message?.kind === 'response' && message.error !== undefined
      ? memberString(dataOf(message.error), 'code')
      : undefined;
  const ends =
    code === 'QM_SHUTTING_DOWN' ? new ConnectError('Draining', 'its last replica is ending', true) : undefined;
  // A limit is a limit: a caller that takes its state to the next replica would only fill that one up as well.
  return { elsewhere: code !== 'QM_OVERLOADED', over: reasonGiven(status, message) ?? ends };
}

function dataOf(error: RawJson): ScannedObject | undefined {
  const data = memberRaw(scanObject(error), 'data');
  return data === undefined ? undefined : scanObject(data);
}
