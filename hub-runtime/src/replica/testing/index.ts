/** For the tests of this room. */
export { createTestAuthority, type TestAuthority } from './test-authority.ts';
export { documentOf } from './test-documents.ts';
export { mountOf, type TestMount } from './test-mount.ts';
