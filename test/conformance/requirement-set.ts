/**
 * Runs one requirement set of the official conformance tool and says what became of every scenario in it.
 *
 * The tool's own exit code is not enough: it is 0 for a scenario that was skipped. So the set's own list is read, and each name in it must
 * have left a result.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { spawnProgram } from '../kit/index.ts';

export type Revision = '2025-11-25' | '2026-07-28';

export interface ScenarioResult {
  readonly name: string;
  /** `missing`: in the set, but the tool left no result, or one without a single check. */
  readonly state: 'passed' | 'failed' | 'missing';
  /** What failed, for people. */
  readonly failures: readonly string[];
}

interface Check {
  readonly id: string;
  readonly status: string;
  readonly errorMessage?: string;
}

const runMs = 170_000;
const toolFolder = dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/conformance/package.json'));

/** Server scenarios that the revision requires, frozen by the tool. */
export function requiredScenarios(revision: Revision): readonly string[] {
  const text = readFileSync(join(toolFolder, 'requirements', `${revision}.yaml`), 'utf8');
  return (parse(text) as { server: string[] }).server;
}

export async function runRequirementSet(url: string, revision: Revision): Promise<readonly ScenarioResult[]> {
  const names = requiredScenarios(revision);
  const server = ['server', '--url', url];
  const folderOf = (name: string): string => `server-${name}`;
  const all = await run([...server, '--requirements', revision], folderOf, names);
  // On a busy machine the tool sometimes gives up before it has checked anything: that says nothing of the server.
  return Promise.all(
    all.map(async (one) => {
      if (one.state !== 'missing') return one;
      const [again] = await run([...server, '--scenario', one.name, '--spec-version', revision], folderOf, [one.name]);
      return again ?? one;
    }),
  );
}

/** Client scenarios of the revision that are about the protocol: those of authorization come with it. */
export function clientScenarios(revision: Revision): readonly string[] {
  const text = readFileSync(join(toolFolder, 'requirements', `${revision}.yaml`), 'utf8');
  return (parse(text) as { client: string[] }).client.filter((name) => !name.startsWith('auth/'));
}

/** One client scenario; `command` gets the URL of the tool's server as its last argument. */
export async function runClientScenario(name: string, revision: Revision, command: string): Promise<ScenarioResult> {
  const args = ['client', '--command', command, '--scenario', name, '--spec-version', revision];
  const [result] = await run(args, (one) => one, [name]);
  return result ?? { name, state: 'missing', failures: [] };
}

async function run(
  args: readonly string[],
  folderOf: (name: string) => string,
  names: readonly string[],
): Promise<readonly ScenarioResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'qm-conformance-'));
  try {
    await using tool = spawnProgram(process.execPath, [join(toolFolder, 'dist/index.js'), ...args, '-o', folder]);
    await tool.ended(runMs);
    const found = readdirSync(folder);
    return names.map((name) => resultOf(name, folderOf(name), folder, found));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function resultOf(name: string, prefix: string, folder: string, found: readonly string[]): ScenarioResult {
  // `<prefix>-<ISO time>`: names may be prefixes of each other, so the time is matched too.
  const pattern = new RegExp(`^${prefix}-\\d{4}-\\d\\d-\\d\\dT`);
  const result = found.find((entry) => pattern.test(entry));
  if (result === undefined) return { name, state: 'missing', failures: [] };
  const checks = JSON.parse(readFileSync(join(folder, result, 'checks.json'), 'utf8')) as readonly Check[];
  const failures = checks
    .filter((check) => check.status === 'FAILURE')
    .map((check) => `${check.id}: ${check.errorMessage ?? 'failed'}`);
  if (failures.length > 0) return { name, state: 'failed', failures };
  return { name, state: checks.some((check) => check.status === 'SUCCESS') ? 'passed' : 'missing', failures };
}
