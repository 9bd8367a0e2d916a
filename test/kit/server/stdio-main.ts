/**
 * A scripted MCP server as a program on stdin and stdout.
 *
 *   node --conditions=quaymaster-source stdio-main.ts [--script <json or file>] [--record <file>] [anything else is left alone]
 *
 * Imports nothing but the kit's own server, so that it starts about as fast as Node does. Plays the start-up faults.
 */
import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { endIfScripted } from './end-if-scripted.ts';
import { ScriptedServer } from './scripted-server.ts';
import { serveStdio } from './stdio-server.ts';
import { readScript, valueOf } from './main-arguments.ts';
import { pause } from './behaviour.ts';

const script = readScript(process.argv);
const record = valueOf(process.argv, '--record');
const startup = script.startup ?? {};

endIfScripted(startup);
// First deaf, then fertile: whoever sees the grandchildren may send SIGTERM at once.
if (startup.stubborn === true) process.on('SIGTERM', () => process.stderr.write('SIGTERM ignored\n'));
for (let n = 0; n < (startup.grandchildren ?? 0); n += 1) spawn('sleep', ['600'], { stdio: 'ignore' }).unref();
if (startup.rubbish !== undefined) process.stdout.write(`${startup.rubbish}\n`);
await pause(startup.delayMs ?? 0);

const server = new ScriptedServer(script, {
  crash: (how, code) => {
    if (how === 'kill') process.kill(process.pid, 'SIGKILL');
    else process.exit(code);
  },
  ...(record === undefined ? {} : { sink: (received) => appendFileSync(record, `${JSON.stringify(received)}\n`) }),
});
const take = serveStdio(server, {
  write: (text) => void process.stdout.write(text),
  noise: (channel, text) => void (channel === 'stdout' ? process.stdout : process.stderr).write(text),
});

let rest = '';
process.stdin.setEncoding('utf8');
process.stdin.on('data', (chunk: string) => {
  const lines = (rest + chunk).split('\n');
  rest = lines.pop() ?? '';
  for (const line of lines) if (line.trim() !== '') take(line);
});
process.stdin.on('end', () => {
  if (startup.stubborn === true) setInterval(() => undefined, 60_000);
  else process.exit(0);
});
process.stdout.on('error', () => process.exit(0));
