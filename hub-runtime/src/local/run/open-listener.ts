/** Opens the ports of a run; one that somebody has is said with who has it. */
import { QmError } from '../../base/index.ts';
import { type Listener, type ListenerOptions, startListener } from '../../downstream/index.ts';
import { defaultHealthPort, type HealthListener, type HealthOptions, startHealthListener } from '../../ops/index.ts';
import { portHolder } from './port-holder.ts';

export async function openListener(options: ListenerOptions): Promise<Listener> {
  const { host, port } = options;
  try {
    return await startListener(options);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code;
    if (reason === 'EADDRINUSE') {
      const holder = await portHolder(port);
      const who = holder === undefined ? 'another program' : `${holder.command} (pid ${holder.pid})`;
      throw new QmError('QM_PORT_TAKEN', { host, port, holder: who }, error);
    }
    if (reason !== undefined) throw new QmError('QM_LISTEN_FAILED', { host, port, reason }, error);
    throw error;
  }
}

/** `auto` never keeps a second hub on this machine from starting: the usual port first, then a free one. */
export async function openHealth(port: number | 'auto', options: Omit<HealthOptions, 'port'>): Promise<HealthListener> {
  if (port !== 'auto') return startHealthListener({ ...options, port });
  try {
    return await startHealthListener({ ...options, port: defaultHealthPort });
  } catch (error) {
    if (!(error instanceof QmError)) throw error;
    return startHealthListener({ ...options, port: 0 });
  }
}
