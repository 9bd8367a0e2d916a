/** The `Retry-After` header: seconds or an HTTP date. Bounded, so that a broken proxy cannot put a watch to sleep for a day. */
const longestMs = 5 * 60_000;

export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined || header === '') return undefined;
  if (/^\d{1,9}$/.test(header)) return Math.min(longestMs, Number(header) * 1000);
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.min(longestMs, Math.max(0, at - nowMs));
}
