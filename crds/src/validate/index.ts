/** Validation of manifests: structure and CEL rules, with the verdict an API server would give. */
export { checkStructure } from './check-structure.ts';
export { describeIssue } from './issue.ts';
export type { Issue } from './issue.ts';
export {
  checkObjectStructure,
  isCompanion,
  isKnownKind,
  loadValidator,
  validateObject,
  validatorFor,
} from './validate-object.ts';
export type { Validator } from './validate-object.ts';
