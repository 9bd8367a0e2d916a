/** Notifications of clients that the specification defines: the edge deals with them itself or has no use for them; others are relayed. */
const known = new Set([
  'notifications/cancelled',
  'notifications/initialized',
  'notifications/progress',
  'notifications/roots/list_changed',
]);

export function isSpecNotification(method: string): boolean {
  return known.has(method);
}
