/** The contracts between the edges, the router and the lanes. Types and three small values, no behaviour. */
export { Cancellation } from './cancellation.ts';
export {
  anonymous,
  type Answer,
  type Caller,
  type ErrorOutcome,
  type Exchange,
  type InputRequiredOutcome,
  type LaneExchange,
  type Leg,
  type Outcome,
  type Parked,
  type Principal,
  type Question,
  type ReadyOutcome,
  type ResultOutcome,
  type SessionRef,
} from './exchange.ts';
export type {
  CatalogDecision,
  CatalogProblem,
  CatalogSnapshot,
  DecisionReason,
  Guard,
  HubGraph,
  Lane,
  LaneCall,
  ListHints,
  ListKind,
  Pass,
  Route,
  ServerListing,
  ToolChecks,
  Upstream,
  UpstreamEvent,
  UpstreamPhase,
  UpstreamState,
} from './graph.ts';
export type { HubPort, ResourceSubscription } from './hub-port.ts';
export { type Linked, LinkedList } from './linked-list.ts';
export { LinkedTable, type Numbered } from './linked-table.ts';
export { hubError, lackingCapability, protocolError } from './outcomes.ts';
export type { PassingAnswer, PassingEnd, PassingSink, PassingSource } from './passing.ts';
export {
  type Endpoint,
  type EndpointFeed,
  type ServerTarget,
  TargetError,
  type TargetPackage,
  type TargetResolver,
} from './target.ts';
