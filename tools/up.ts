/**
 * Runs the CLI for `make up`, in this very process, and ends it when make was told to end.
 *
 * Ctrl-C reaches the whole group and SIGTERM is passed on by make. But a SIGINT sent to make alone stays there: make remembers it and waits for
 * its child. While it does so it blocks that signal, which Linux shows in /proc; that, and a make that is gone, is what is looked for here.
 * Elsewhere this watches only for make being gone.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { root } from './support/run.ts';
import { blocksInterrupt } from './support/signal-mask.ts';

const parent = process.ppid;
const watchMs = 250;

const timer = setInterval(() => {
  if (process.ppid === parent && !parentInterrupted()) return;
  clearInterval(timer);
  process.kill(process.pid, 'SIGINT');
}, watchMs);
timer.unref();

process.argv[1] = join(root, 'hub-runtime/bin/qm.js');
await import(pathToFileURL(process.argv[1]).href);

function parentInterrupted(): boolean {
  try {
    return blocksInterrupt(readFileSync(`/proc/${parent}/status`, 'utf8'));
  } catch {
    return false;
  }
}
