/**
 * Reads what an HTTP server sends for one call: its answer, and the notifications before it. Runs once per message, scans it once.
 *
 * A response must carry the call's id (an error may lack one); a second one is late. Progress is passed on under the client's own token, logs only
 * to requests that want them, list changes to whoever watches the server, everything else to the request it came with, as it came.
 */
import {
  editObject,
  memberRaw,
  memberString,
  notificationRaw,
  type RawJson,
  scanBatch,
  type ScannedMessage,
  scanMessage,
} from '../../wire/index.ts';
import { printable } from '../answer.ts';
import { isLogWanted } from '../log-level.ts';
import type { HttpCall } from './http-call.ts';
import { upstreamScanLimits } from './limits.ts';

export interface CallMessages {
  /** The response to the call. */
  answered(call: HttpCall, message: ScannedMessage): void;
  /** Something for nobody: a second answer, an answer after the end. */
  late(): void;
  progressed(call: HttpCall): void;
  /** Several callers say how much it logs. */
  readonly sharesLogs: boolean;
  /** Not about the call it came with: list changes, requests of the server's own. */
  unsolicited(message: ScannedMessage, call: HttpCall): void;
}

/** Messages in one event: 2025-03-26 lets a server batch them. */
const batchLimit = 64;

/** One JSON body or event. What is wrong with it is left at `call.fault`. */
export function readCallMessage(call: HttpCall, raw: RawJson, to: CallMessages): void {
  const message = scanMessage(raw, upstreamScanLimits);
  if (message.kind !== 'fault') {
    take(call, message, to);
    return;
  }
  const batch = message.fault === 'batch' ? scanBatch(raw, batchLimit, upstreamScanLimits) : undefined;
  if (batch === undefined || 'fault' in batch) {
    call.fault = `its answer is no JSON-RPC message: ${(batch ?? message).message}`;
    return;
  }
  for (const one of batch) if (one.kind !== 'fault') take(call, one, to);
}

function take(call: HttpCall, message: ScannedMessage, to: CallMessages): void {
  switch (message.kind) {
    case 'response':
      answer(call, message, to);
      return;
    case 'request':
      to.unsolicited(message, call);
      return;
    case 'notification':
      if (!call.settled) notification(call, message, to);
  }
}

function answer(call: HttpCall, message: ScannedMessage, to: CallMessages): void {
  if (call.settled) {
    to.late();
    return;
  }
  const anonymousError = message.error !== undefined && (message.id === undefined || message.id === 'null');
  if (message.id === call.idRaw || anonymousError) to.answered(call, message);
  else call.fault = `it answered with the id ${printable(message.id ?? 'of nobody')}`;
}

function notification(call: HttpCall, message: ScannedMessage, to: CallMessages): void {
  const { leg } = call.lane.exchange;
  const { method, params } = message;
  switch (method) {
    case 'notifications/progress': {
      const token = memberRaw(params, 'progressToken');
      if (leg.progressToken === undefined || (token !== call.idRaw && token !== `"${call.idRaw}"`)) return;
      to.progressed(call);
      leg.told = true;
      leg.notify(notificationRaw(method, editObject(params, [['progressToken', leg.progressToken]])));
      return;
    }
    case 'notifications/message':
      if (!isLogWanted(call.lane.exchange, memberString(params, 'level'), to.sharesLogs)) return;
      leg.told = true;
      leg.notify(message.raw);
      return;
    case 'notifications/cancelled': {
      // Of a question of its own: nothing else is the server's to cancel.
      const id = memberRaw(params, 'requestId');
      if (id !== undefined) call.asked?.withdrawn(id);
      return;
    }
    case 'notifications/tools/list_changed':
    case 'notifications/prompts/list_changed':
    case 'notifications/resources/list_changed':
    case 'notifications/resources/updated':
    case 'notifications/elicitation/complete':
      to.unsolicited(message, call);
      return;
    default:
      leg.told = true;
      leg.notify(message.raw);
  }
}
