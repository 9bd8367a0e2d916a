/** Entry of the image (`node operator.js`): the only file of this package that does something when it is imported. */
import { maskSecrets } from 'quaymaster/base';

import { startOperator, version } from './process/index.ts';

// A few bytes that live long keep the whole block they were cut from, and every TLS connection has some: small blocks, as Node had for years.
Buffer.poolSize = 8 * 1024;

const ending = new AbortController();
let asked = 0;
for (const name of ['SIGTERM', 'SIGINT'] as const) {
  process.on(name, () => {
    asked += 1;
    // Who asks twice does not want to wait.
    if (asked > 1) process.exit(1);
    ending.abort();
  });
}
const complain = (text: string): void => void process.stderr.write(`${maskSecrets(text)}\n`);
for (const name of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(name, (error: unknown) => {
    complain(JSON.stringify({ level: 'error', msg: name, err: error instanceof Error ? error.stack : String(error) }));
    process.exit(1);
  });
}
// HUP: look at everything anew. The exit ends what a library may have forgotten; everything of ours is closed by then.
const onResync = (resync: () => void): void => void process.on('SIGHUP', resync);
process.exit(await startOperator({ env: process.env, version, complain, signal: ending.signal, onResync }));
