/** The process driver: manifests in, one governed endpoint out, on one machine. */
export { loadProject, type Project } from './project/index.ts';
export { type LocalEvent, type LocalOptions, type LocalRuntime, runLocal } from './run/index.ts';
