/**
 * How long what a request told us may be ahead of the cache. After that the cache is believed: an API server that was restored to an older state
 * goes back in time, and what was known of the time before would else be believed for ever.
 */
export const cacheLagMs = 5000;
