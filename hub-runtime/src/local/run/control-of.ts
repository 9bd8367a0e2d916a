/** The control API of a run: reads go to the view, actions to whoever does them. */
import type { HubHost } from '../../config/index.ts';
import type { ControlApi, RuntimeInfo } from '../control/index.ts';
import { formatProblem } from '../problems/index.ts';
import { callTool } from './call-tool.ts';
import { maskedObject } from './masked-object.ts';
import type { Reloader } from './reloader.ts';
import type { RuntimeView } from './runtime-view.ts';

export interface ControlDeps {
  readonly host: HubHost;
  readonly view: RuntimeView;
  readonly reloader: Reloader;
  readonly info: () => Omit<RuntimeInfo, 'problems'>;
  readonly stop: (reason: string) => void;
}

export function controlOf({ host, view, reloader, info, stop }: ControlDeps): ControlApi {
  return {
    info: () => ({ ...info(), problems: reloader.problems.map(formatProblem) }),
    hubs: () => view.hubs(),
    servers: () => view.servers(),
    tools: (hub) => view.tools(hub),
    graphs: (hub) => view.graphs(hub),
    objects: (kind) => view.objects(kind).map(maskedObject),
    async call(request) {
      const hub = request.hub === undefined ? host.hubs[0] : host.hub(request.hub);
      if (hub === undefined) return { kind: 'error', code: -32602, message: 'there is no such hub', data: undefined };
      return callTool(hub, request);
    },
    async restart(server) {
      const upstream = host.upstreams().find((one) => one.key === server);
      if (upstream === undefined) return false;
      await upstream.restart('asked for with qm restart');
      await upstream.wake(upstream.config.timeouts.startMs);
      return true;
    },
    async reload() {
      const { applied, problems } = await reloader.reload();
      return { applied, problems: problems.map(formatProblem) };
    },
    stop: () => stop('qm down'),
  };
}
