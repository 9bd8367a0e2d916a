/** Leader election with fencing. */
export { createElection, type Election, type ElectionOptions, type Lease, leaseResource } from './election.ts';
