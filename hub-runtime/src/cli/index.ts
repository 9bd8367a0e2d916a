/** The command tree, for whoever describes it; `main.ts` runs it. */
export { describeCommands } from './describe-commands.ts';
