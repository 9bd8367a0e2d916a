/** Conversations over a child's stdin and stdout, in both eras, and the child that listens on HTTP itself. */
export { createStdioConnector, type StdioConnectorDeps, type StdioTarget } from './stdio-connector.ts';
