/** Configuration files of MCP clients as manifests. */
export { readClientFile } from './client-shape.ts';
export { hubText, impliedHub } from './implied-hub.ts';
export { type ClientImport, importClientFile, workspaceOf } from './import-client-file.ts';
export { mapCommand, type MappedCommand } from './map-command.ts';
export { secretOf } from './map-server.ts';
export { ServerNames } from './server-name.ts';
