/** What a hub and the bridge before a stdio server tell each other beside MCP. */

/** With status 503: this request was surely not executed, another replica may take it. */
export const notExecutedHeader = 'x-quaymaster-not-executed';

/** For whom a request is, opaque: the bridge gives each caller a child of its own where `instances: perClient` says so. */
export const callerHeader = 'x-quaymaster-caller';

/** `1` with a request in a session that many callers share: this one's can be asked, so a child that asks is best its own. */
export const answersHeader = 'x-quaymaster-answers';
