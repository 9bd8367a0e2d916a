/** What a hub offers, on which path, and what it does not offer and why. */
export { type CapabilityGraph, capabilityGraph, type ItemNode, type ServerNode } from './capability-graph.ts';
export { graphDot } from './graph-dot.ts';
export { graphText } from './graph-text.ts';
