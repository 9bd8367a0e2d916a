/**
 * A scripted MCP server over Streamable HTTP as a program of its own (kill -9 tests).
 *
 *   node --conditions=quaymaster-source http-main.ts [--script <json or file>]
 *
 * Prints one line of JSON, `{"url": ..., "pid": ...}`, when it listens. SIGTERM ends it.
 */
import { endIfScripted } from './end-if-scripted.ts';
import { startHttpServer } from './http-server.ts';
import { readScript } from './main-arguments.ts';

const script = readScript(process.argv);
endIfScripted(script.startup ?? {});
const server = await startHttpServer(script, {
  crash: (how, code) => {
    if (how === 'kill') process.kill(process.pid, 'SIGKILL');
    else process.exit(code);
  },
});
process.stdout.write(`${JSON.stringify({ url: server.url, pid: process.pid })}\n`);
process.on('SIGTERM', () => process.exit(0));
