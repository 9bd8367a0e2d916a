/** Diagnosis with fixes. */
export { examine } from './examine.ts';
