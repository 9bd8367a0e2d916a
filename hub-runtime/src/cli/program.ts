/** The command tree of `qm`. Commands load what they need when they run, so that building the tree costs next to nothing. */
import { Command } from 'commander';

import { addBridge } from './commands/bridge.ts';
import { addCache } from './commands/cache.ts';
import { addCall } from './commands/call.ts';
import { addConnect } from './commands/connect.ts';
import { addDescribe } from './commands/describe.ts';
import { addDoctor } from './commands/doctor.ts';
import { addDown } from './commands/down.ts';
import { addGet } from './commands/get.ts';
import { addGraph } from './commands/graph.ts';
import { addHub } from './commands/hub.ts';
import { addImport } from './commands/import.ts';
import { addInit } from './commands/init.ts';
import { addLogs } from './commands/logs.ts';
import { addReload } from './commands/reload.ts';
import { addRender } from './commands/render.ts';
import { addRestart } from './commands/restart.ts';
import { addUp } from './commands/up.ts';
import { addValidate } from './commands/validate.ts';
import { addVersion } from './commands/version.ts';
import { type Cli, exitCodeMeanings } from './support/index.ts';

export function createProgram(cli: Cli, argv: readonly string[]): Command {
  const program = new Command('qm')
    .description('Many MCP servers behind one governed endpoint, declared in manifests.')
    .version(`quaymaster ${cli.version}`, '-V, --version')
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => cli.out(text.trimEnd()),
      writeErr: (text) => cli.err(text.trimEnd()),
    })
    .addHelpText(
      'after',
      `\nExit codes:\n${exitCodeMeanings.map(([code, text]) => `  ${String(code).padEnd(3)} ${text}`).join('\n')}`,
    );
  addInit(program, cli);
  addUp(program, cli, argv);
  addDown(program, cli);
  addValidate(program, cli);
  addRender(program, cli);
  addGet(program, cli);
  addDescribe(program, cli);
  addGraph(program, cli);
  addCall(program, cli);
  addLogs(program, cli);
  addRestart(program, cli);
  addReload(program, cli);
  addConnect(program, cli);
  addImport(program, cli);
  addDoctor(program, cli);
  addCache(program, cli);
  addHub(program, cli);
  addBridge(program, cli);
  addVersion(program, cli);
  pointToHelp(program, program.name());
  return program;
}

/** A wrong command line is answered with where the right one is described. */
function pointToHelp(command: Command, words: string): void {
  command.showHelpAfterError(`see: ${words} --help`);
  for (const each of command.commands) pointToHelp(each, `${words} ${each.name()}`);
}
