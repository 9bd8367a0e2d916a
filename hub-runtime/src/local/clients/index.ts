/** Configuration files of MCP clients as manifests. */
export { hubText, impliedHub } from './implied-hub.ts';
export { type ClientImport, importClientFile, workspaceOf } from './import-client-file.ts';
export { ServerNames } from './server-name.ts';
