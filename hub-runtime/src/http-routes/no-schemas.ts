/**
 * Options for a fastify whose routes have no schemas: without them it loads and sets up two compilers at every start (some 9 ms) that are
 * never asked. Bodies of the few routes beside MCP are checked by hand; a route that comes with a schema fails when it is added.
 */
import type { FastifyServerOptions } from 'fastify';

const refuse = (): never => {
  throw new Error('routes of this listener have no schemas; check the body by hand');
};

export const noSchemas: Pick<FastifyServerOptions, 'schemaController'> = {
  schemaController: { compilersFactory: { buildValidator: () => refuse, buildSerializer: () => refuse } },
};
