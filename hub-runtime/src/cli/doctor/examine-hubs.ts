/** The hubs that run now, and their servers that are not ready, with what to do by the reason they give. */
import { findReason } from '@quaymaster/crds';

import { createControlClient } from '../../local/control/index.ts';
import { runningHubs, type RunRecord, stateHome } from '../../local/state/index.ts';
import { type Cli, printable } from '../support/index.ts';
import { type Finding, good } from './finding.ts';

export async function examineHubs(cli: Cli): Promise<Finding[]> {
  const hubs = runningHubs(stateHome(cli.env));
  if (hubs.length === 0) return [good('hubs', 'none is running')];
  return (await Promise.all(hubs.map(examineHub))).flat();
}

async function examineHub(record: RunRecord): Promise<Finding[]> {
  const subject = `hub ${record.url}`;
  const client = createControlClient(record.socket);
  try {
    const [info, servers] = await Promise.all([client.info(), client.servers()]);
    const files = info.problems.map((line): Finding => ({
      level: 'broken',
      subject,
      message: printable(line),
      fix: 'correct the manifest; qm validate checks it',
    }));
    const broken = servers
      .filter(
        (server) => server.phase === 'Degraded' || (server.phase === 'Stopped' && server.reason !== 'NotSelected'),
      )
      .map((server): Finding => ({
        level: 'broken',
        subject: `server ${server.key}`,
        message: printable(server.message === '' ? server.reason : `${server.reason}: ${server.message}`),
        fix: `${findReason(server.reason)?.next ?? 'read its log'}; qm logs ${server.key.split('/')[1]}`,
      }));
    return [good(subject, `pid ${record.pid}, ${servers.length} servers`), ...files, ...broken];
  } catch (error) {
    return [
      {
        level: 'broken',
        subject,
        message: `pid ${record.pid} is there but does not answer (${(error as Error).message})`,
        fix: `end it: kill ${record.pid}`,
      },
    ];
  }
}
