/** Hub Pods that are not there: each dials the control stream, acknowledges every document and reports its servers Ready. */
export { createFleet } from './create-fleet.ts';
export type { Fleet, FleetOptions, FleetPod, FleetPodState } from './fleet-types.ts';
