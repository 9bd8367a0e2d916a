/** Helm 3 and Helm 4, as people have them: both are built from their Go modules. */
import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Cluster } from '@quaymaster/cluster';
import { parseAllDocuments } from 'yaml';

const run = promisify(execFile);
export const root = join(import.meta.dirname, '../../..');
export const operatorChart = join(root, 'charts/quaymaster-operator');
export const crdsChart = join(root, 'charts/quaymaster-crds');
export const release = 'quaymaster';
export const systemNamespace = 'quaymaster-system';

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly rules?: unknown;
  readonly data?: Readonly<Record<string, string>>;
}

export interface Helm {
  readonly version: string;
  /** `values`: laid over the chart's own. */
  run(args: readonly string[], values?: object): Promise<string>;
  template(chart: string, values: object, more?: readonly string[]): Promise<string>;
}

export function helms(cluster: Cluster): readonly [three: Helm, four: Helm] {
  const three = execFileSync(join(root, 'test/cluster/cluster'), ['helm3'], { encoding: 'utf8' }).trim();
  return [helm(cluster, '3', three), helm(cluster, '4', 'helm')];
}

function helm(cluster: Cluster, version: string, program: string): Helm {
  const env = { ...process.env, ...cluster.env };
  const self: Helm = {
    version,
    async run(args, values) {
      const words = values === undefined ? args : [...args, '--values', '-'];
      const going = run(program, words, { env, maxBuffer: 32 << 20 });
      going.child.stdin?.on('error', () => {});
      going.child.stdin?.end(values === undefined ? '' : JSON.stringify(values));
      return (await going).stdout;
    },
    template: async (chart, values, more = []) =>
      self.run(['template', release, chart, '--namespace', systemNamespace, ...more], values),
  };
  return self;
}

export function manifests(text: string): readonly Manifest[] {
  return parseAllDocuments(text)
    .map((document) => {
      if (document.errors.length > 0) throw new Error(String(document.errors[0]));
      return document.toJS() as Manifest | null;
    })
    .filter((each) => each !== null);
}
