/** All that `qm doctor` looks at, in the order in which it is read. */
import type { Cli } from '../support/index.ts';
import { examineHubs } from './examine-hubs.ts';
import { examineMachine } from './examine-machine.ts';
import type { Finding } from './finding.ts';

export async function examine(cli: Cli): Promise<Finding[]> {
  const [machine, hubs] = await Promise.all([examineMachine(cli), examineHubs(cli)]);
  return [...machine, ...hubs];
}
