/** What the operator may do in a cluster. */
export { operatorRbac } from './operator-rbac.ts';
