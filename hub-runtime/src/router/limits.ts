/** Bounds of the router. */
export const routerLimits = {
  /** How often one call may follow its server through changes of configuration. */
  moves: 8,
} as const;
