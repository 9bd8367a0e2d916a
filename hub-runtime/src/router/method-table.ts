/**
 * The specification's own methods, and what the router does with each; every other method is a vendor's and is passed on (HT-0.01).
 *
 * `edge`: answered before a request gets here (or served on a stream there). `none`: not served yet, or never sent by a client; answered
 * with -32601. Kept complete over both eras, so that a method the hub does not serve can never slip through as a vendor's.
 */
import type { ListKind } from '../exchange/index.ts';

export type MethodRule =
  | { readonly kind: 'tool' | 'prompt' | 'resource' | 'complete' | 'logLevel' | 'ping' | 'task' | 'edge' | 'none' }
  | { readonly kind: 'list'; readonly list: ListKind };

const edge: MethodRule = { kind: 'edge' };
const none: MethodRule = { kind: 'none' };
const list = (kind: ListKind): MethodRule => ({ kind: 'list', list: kind });

const rules: ReadonlyMap<string, MethodRule> = new Map<string, MethodRule>([
  ['tools/call', { kind: 'tool' }],
  ['prompts/get', { kind: 'prompt' }],
  ['resources/read', { kind: 'resource' }],
  ['completion/complete', { kind: 'complete' }],
  ['tools/list', list('tools')],
  ['prompts/list', list('prompts')],
  ['resources/list', list('resources')],
  ['resources/templates/list', list('resourceTemplates')],
  ['logging/setLevel', { kind: 'logLevel' }],
  ['ping', { kind: 'ping' }],
  ['initialize', edge],
  ['server/discover', edge],
  ['subscriptions/listen', edge],
  ['resources/subscribe', edge],
  ['resources/unsubscribe', edge],
  ['sampling/createMessage', none],
  ['elicitation/create', none],
  ['roots/list', none],
  ['tasks/get', { kind: 'task' }],
  ['tasks/update', { kind: 'task' }],
  ['tasks/result', { kind: 'task' }],
  ['tasks/cancel', { kind: 'task' }],
  ['tasks/list', none],
]);

/** Undefined for a vendor's method. */
export function methodRule(method: string): MethodRule | undefined {
  return rules.get(method) ?? (method.startsWith('notifications/') ? none : undefined);
}

const ownNotifications: ReadonlySet<string> = new Set([
  'notifications/cancelled',
  'notifications/initialized',
  'notifications/progress',
  'notifications/message',
  'notifications/roots/list_changed',
  'notifications/tools/list_changed',
  'notifications/prompts/list_changed',
  'notifications/resources/list_changed',
  'notifications/resources/updated',
  'notifications/elicitation/complete',
  'notifications/tasks',
  'notifications/tasks/status',
  'notifications/subscriptions/acknowledged',
]);

/** Notifications the specification defines: the edges deal with them, none is passed on as it is. */
export function isOwnNotification(method: string): boolean {
  return ownNotifications.has(method);
}
