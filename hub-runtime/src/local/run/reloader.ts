/**
 * Reads the project again and takes it over, one reload at a time.
 *
 * Requests that arrive while one runs are served by one more after it. Files in no state to be used leave everything as it is; the problems
 * are reported either way, and only once while they stay the same.
 */
import { formatProblem, type Problem } from '../problems/index.ts';
import type { Project } from '../project/index.ts';

export interface ReloadOutcome {
  readonly applied: boolean;
  readonly problems: readonly Problem[];
}

export interface ReloaderDeps {
  readonly load: (previous: Project) => Promise<Project>;
  readonly apply: (project: Project) => void;
  readonly report: (outcome: ReloadOutcome) => void;
}

export class Reloader {
  readonly #deps: ReloaderDeps;
  #project: Project;
  #running: Promise<ReloadOutcome> | undefined;
  #next: Promise<ReloadOutcome> | undefined;
  #lastReport: string;
  #problems: readonly Problem[];

  constructor(project: Project, deps: ReloaderDeps) {
    this.#deps = deps;
    this.#project = project;
    this.#problems = project.problems;
    this.#lastReport = fingerprint(true, project.problems);
  }

  /** What runs. */
  get project(): Project {
    return this.#project;
  }

  /** What is wrong with the files as they were last read, whether or not they run. */
  get problems(): readonly Problem[] {
    return this.#problems;
  }

  reload(): Promise<ReloadOutcome> {
    if (this.#running === undefined) return this.#start();
    this.#next ??= this.#running.then(
      () => this.#startNext(),
      () => this.#startNext(),
    );
    return this.#next;
  }

  #startNext(): Promise<ReloadOutcome> {
    this.#next = undefined;
    return this.#start();
  }

  #start(): Promise<ReloadOutcome> {
    const run = this.#run().finally(() => {
      if (this.#running === run) this.#running = undefined;
    });
    this.#running = run;
    return run;
  }

  async #run(): Promise<ReloadOutcome> {
    const loaded = await this.#deps.load(this.#project);
    const changed = !loaded.blocked && configOf(loaded) !== configOf(this.#project);
    this.#problems = loaded.problems;
    if (!loaded.blocked) {
      this.#project = loaded;
      this.#deps.apply(loaded);
    }
    const outcome = { applied: !loaded.blocked, problems: loaded.problems };
    const print = fingerprint(outcome.applied, loaded.problems);
    if (changed || print !== this.#lastReport) this.#deps.report(outcome);
    this.#lastReport = print;
    return outcome;
  }
}

function fingerprint(applied: boolean, problems: readonly Problem[]): string {
  return `${applied}\n${problems.map(formatProblem).join('\n')}`;
}

/** Equal when the same configurations result. */
function configOf(project: Project): string {
  return project.compiled.hubs.map((hub) => `${hub.namespace}/${hub.name}@${hub.hash}`).join(',');
}
