/**
 * A process that stands for election and, while it leads, keeps writing its name into a ConfigMap: what the election tests kill, stop and
 * continue. Prints `leading` when elected and `wrote N` now and then; exits 3 when its office is lost, 0 after SIGTERM.
 *
 * Arguments: kubeconfig, identity.
 */
import { silentLogger, systemClock } from 'quaymaster/base';

import { createElection, createKubeClient, createTransport, KubeError, loadKubeconfig } from '../../src/kube/index.ts';
import { configMaps, sleep } from './world.ts';

const [kubeconfig = '', identity = ''] = process.argv.slice(2);
const endpoint = await loadKubeconfig({ paths: [kubeconfig], clock: systemClock });
const transport = createTransport({ endpoint, clock: systemClock, userAgent: `candidate-${identity}` });
const election = createElection({
  client: createKubeClient(transport, { urgent: true }),
  namespace: 'default',
  name: 'candidates',
  identity,
  clock: systemClock,
  random: Math.random,
  logger: silentLogger,
});
const writer = createKubeClient(transport, { guard: election.fence });
// Timers of this layer keep no process alive; a candidate lives until told otherwise.
const alive = setInterval(() => {}, 1000);
let ending = false;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

process.on('SIGTERM', () => {
  ending = true;
});
void election.whenLost().then((reason) => {
  say(`lost ${reason}`);
  process.exit(3);
});
election.start();
void election.whenLeader().then(work, () => {});

async function work(): Promise<void> {
  say('leading');
  for (let count = 0; !ending; count++) {
    const body = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'acts', namespace: 'default' },
      data: { by: identity, count: String(count) },
    };
    try {
      await writer.apply(configMaps, body, { manager: identity, force: true });
      if (count % 5 === 0) say(`wrote ${count}`);
    } catch (error) {
      say(`refused ${error instanceof KubeError ? error.code : String(error)}`);
    }
    await sleep(100);
  }
}

while (!ending) await sleep(50);
await election.release();
await transport.close();
clearInterval(alive);
