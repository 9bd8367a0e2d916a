/** The command tree, for whoever runs or describes it. */
export { describeCommands } from './describe-commands.ts';
export { runCli } from './run-cli.ts';
