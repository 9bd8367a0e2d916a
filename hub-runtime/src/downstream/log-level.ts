/** The syslog levels of MCP logging. */
const levels = new Set(['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency']);

export function isLogLevel(text: string): boolean {
  return levels.has(text);
}
