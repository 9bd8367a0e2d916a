/** Manifests as they lie in files: read, taken apart, with the place of each field. Decides nothing about their content. */
export { type EnvFilesRead, readEnvFiles } from './env-file.ts';
export { type Locate } from './locate.ts';
export { type NamedFile, objectValues, type ObjectValues, type ValueKind } from './object-values.ts';
export { isRecord, type LoadedObject, type ManifestsParsed, parseManifests } from './parse-manifests.ts';
export { readSources, type ReadSourcesOptions, type SourcesRead, type SourceText } from './read-sources.ts';
