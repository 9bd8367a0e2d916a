/** Manifests of a project: loaded, validated, compiled. */
export { loadProject, type Project, type ProjectOptions } from './load-project.ts';
export { manifestsYaml, toYaml, withoutOrigin } from './to-yaml.ts';
