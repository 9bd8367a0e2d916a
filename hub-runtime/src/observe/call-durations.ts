/**
 * The histogram of call durations, counted without a detour: prom-client hashes every label of every observation, which a hub would pay for with
 * each call. Here a call finds its series by four maps of names that are kept anyway, and adds to three numbers; labels become text at scrapes.
 */

/** One series as prom-client prints it. */
interface SampleValue {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** Of one call: what its labels are made of. */
interface CallLabels {
  readonly hub: string;
  readonly server: string;
  readonly method: string;
  readonly target: string;
  readonly outcome: string;
}

class Series {
  readonly labels: CallLabels;
  /** Per bucket, not cumulative; the last one has no bound. */
  readonly counts: number[];
  sum = 0;

  constructor(labels: CallLabels, buckets: number) {
    this.labels = labels;
    this.counts = Array.from({ length: buckets + 1 }, () => 0);
  }
}

export class CallDurations {
  readonly name: string;
  readonly help: string;
  readonly type = 'histogram';
  readonly aggregator = 'sum';
  readonly #bounds: readonly number[];
  /** By hub, server and target: few methods and outcomes each. */
  readonly #series = new Map<string, Map<string, Map<string, Series[]>>>();

  constructor(name: string, help: string, bounds: readonly number[]) {
    this.name = name;
    this.help = help;
    this.#bounds = bounds;
  }

  observe(seconds: number, hub: string, server: string, method: string, target: string, outcome: string): void {
    const group = this.#series.get(hub)?.get(server)?.get(target);
    const series = find(group, method, outcome) ?? this.#begin({ hub, server, method, target, outcome });
    let bucket = 0;
    while (bucket < this.#bounds.length && seconds > (this.#bounds[bucket] as number)) bucket++;
    series.counts[bucket] = (series.counts[bucket] ?? 0) + 1;
    series.sum += seconds;
  }

  /** Its series end: the server left the configuration. */
  forget(server: string): void {
    for (const servers of this.#series.values()) servers.delete(server);
  }

  /** As prom-client asks for it at a scrape. */
  async get(): Promise<{ name: string; help: string; type: string; aggregator: string; values: SampleValue[] }> {
    const { name, help, type, aggregator } = this;
    const values: SampleValue[] = [];
    for (const servers of this.#series.values())
      for (const targets of servers.values())
        for (const group of targets.values()) for (const series of group) this.#print(series, values);
    return { name, help, type, aggregator, values };
  }

  #begin(labels: CallLabels): Series {
    const servers = entry(this.#series, labels.hub, () => new Map<string, Map<string, Series[]>>());
    const targets = entry(servers, labels.server, () => new Map<string, Series[]>());
    const series = new Series(labels, this.#bounds.length);
    entry(targets, labels.target, () => []).push(series);
    return series;
  }

  #print({ labels, counts, sum }: Series, into: SampleValue[]): void {
    let count = 0;
    for (const [at, one] of counts.entries()) {
      count += one;
      const le = this.#bounds[at] ?? '+Inf';
      into.push({ metricName: `${this.name}_bucket`, labels: { le, ...labels }, value: count });
    }
    into.push({ metricName: `${this.name}_sum`, labels: { ...labels }, value: sum });
    into.push({ metricName: `${this.name}_count`, labels: { ...labels }, value: count });
  }
}

function find(group: readonly Series[] | undefined, method: string, outcome: string): Series | undefined {
  if (group === undefined) return undefined;
  for (const series of group) if (series.labels.method === method && series.labels.outcome === outcome) return series;
  return undefined;
}

function entry<V>(map: Map<string, V>, key: string, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
