/** What a manifest document looks like once read, and how it is named in messages. */
export {
  apiGroup,
  apiVersion,
  defaultNamespace,
  describeObject,
  describeOrigin,
  objectKey,
} from './manifest-object.ts';
export type { ManifestMetadata, ManifestObject, ManifestOrigin } from './manifest-object.ts';
