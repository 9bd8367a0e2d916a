/** Bounds of checking values against schemas. Schemas come from servers and values from anybody: neither may cost more than this. */
export const schemaLimits = {
  /** Bytes of one schema. */
  schemaBytes: 256 * 1024,
  /** Nesting of one schema. */
  schemaDepth: 64,
  /** Schemas kept compiled. */
  compiled: 1_000,
  /** Bytes of one value. */
  valueBytes: 4 * 1024 * 1024,
  /** Arrays, objects and commas in one value: what parsing makes of it must fit into the thread's memory, see `compiled-schemas.ts`. */
  valueNodes: 200_000,
  /** Checks waiting for the thread, and bytes of them together. */
  waiting: 512,
  waitingBytes: 16 * 1024 * 1024,
  /** One check, milliseconds; the thread is ended then. A pattern with exponential backtracking ends here. */
  checkMs: 2_000,
  /** The first check of a schema, which compiles it, milliseconds. */
  compileMs: 8_000,
  /** What came in while the event loop was busy is read before the thread is judged, milliseconds. */
  graceMs: 50,
  /** From the start of a thread until it answers, milliseconds. */
  startMs: 20_000,
  /** How long a schema whose check had to be ended is not tried again, milliseconds; it may have been the value. */
  restMs: 10_000,
  /** The same when it could not even be compiled, which no value is to blame for. */
  longRestMs: 300_000,
  /** Memory of the thread, MiB. */
  threadMemoryMb: 128,
  /** Characters of one explanation. */
  explanation: 400,
} as const;
