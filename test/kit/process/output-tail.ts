/**
 * The newest part of what a program wrote. Cheap per chunk (nothing is decoded or joined until somebody looks), because a chatty
 * program under load must not slow down the test that measures it.
 */
export class OutputTail {
  readonly #limit: number;
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    // Twice the limit before anything is dropped, so that dropping happens rarely.
    if (this.#bytes > 2 * this.#limit) this.#trim();
  }

  text(): string {
    this.#trim();
    return this.#chunks[0]?.toString('utf8') ?? '';
  }

  #trim(): void {
    const all = Buffer.concat(this.#chunks);
    const kept = all.subarray(Math.max(0, all.length - this.#limit));
    this.#chunks = [kept];
    this.#bytes = kept.length;
  }
}
