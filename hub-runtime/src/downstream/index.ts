/** What clients speak: Streamable HTTP of both eras on one URL, and both eras on a pipe. */
export { type EdgeDeps, type HubDirectory } from './edge-deps.ts';
export { type Listener, type ListenerOptions, startListener } from './http/listener.ts';
export { serveStdio, type StdioOptions } from './stdio/serve-stdio.ts';
