/** All kinds of the API group, for the generators. A kind joins with the code that makes it act. */
export { kinds } from './kinds.ts';
