/** What this machine offers to servers: runtimes, package managers, container engines, ports, directories. Changes nothing. */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';

import { cacheDirectory } from '../../local/packages/index.ts';
import { portHolder } from '../../local/run/index.ts';
import { runningHubs, stateHome } from '../../local/state/index.ts';
import type { Cli } from '../support/index.ts';
import { type Finding, good } from './finding.ts';

export const usualPort = 7575;

export async function examineMachine(cli: Cli): Promise<Finding[]> {
  const findings = await Promise.all([npm(cli), python(cli), containers(cli), port(cli)]);
  return [
    node(),
    ...findings,
    directory('state directory', stateHome(cli.env)),
    directory('package cache', cacheDirectory(cli.env)),
  ];
}

function node(): Finding {
  return good('node', `${process.versions.node} (${process.platform}-${process.arch})`);
}

async function npm(cli: Cli): Promise<Finding> {
  const version = await versionOf(cli, 'npm', ['--version']);
  if (version !== undefined) return good('npm', version);
  return {
    level: 'missing',
    subject: 'npm',
    message: 'not found; servers with source.npm cannot be installed',
    fix: 'install npm (Debian: apt-get install npm); it comes with Node.js from nodejs.org',
  };
}

async function python(cli: Cli): Promise<Finding> {
  const uv = await versionOf(cli, 'uv', ['--version']);
  if (uv !== undefined) return good('python servers', uv);
  const plain = (await versionOf(cli, 'python3', ['--version'])) ?? (await versionOf(cli, 'python', ['--version']));
  const venv =
    plain === undefined
      ? undefined
      : await versionOf(cli, 'python3', ['-c', 'import venv, ensurepip; print("with venv")']);
  if (venv !== undefined)
    return good('python servers', `${plain} ${venv}; uv would install faster and keep resolvedBefore`);
  return {
    level: 'missing',
    subject: 'python servers',
    message:
      plain === undefined
        ? 'neither uv nor Python found; servers with source.pypi cannot be installed'
        : `${plain} has no venv; servers with source.pypi cannot be installed`,
    fix: 'install uv (https://docs.astral.sh/uv), or Python with venv (Debian: apt-get install python3-venv)',
  };
}

async function containers(cli: Cli): Promise<Finding> {
  for (const engine of ['docker', 'podman']) {
    if ((await versionOf(cli, engine, ['version', '--format', '{{.Server.Version}}'])) !== undefined)
      return good('containers', `${engine} answers (servers with source.image still need a cluster)`);
  }
  return good('containers', 'no engine answers; none is needed on this machine');
}

async function port(cli: Cli): Promise<Finding> {
  const subject = `port ${usualPort}`;
  if (!(await answersOn(usualPort))) return good(subject, 'free');
  const holder = await portHolder(usualPort);
  if (runningHubs(stateHome(cli.env)).some((hub) => hub.pid === holder?.pid))
    return good(subject, 'used by a running hub');
  return {
    level: 'broken',
    subject,
    message: `taken by ${holder === undefined ? 'another program' : `${holder.command} (pid ${holder.pid})`}`,
    fix: 'end that program, or start with qm up --port 0',
  };
}

function answersOn(number: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(number, '127.0.0.1');
    const done = (yes: boolean): void => {
      socket.destroy();
      resolve(yes);
    };
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
    socket.setTimeout(1000, () => done(false));
  });
}

/** A directory that does not exist yet is made on first use: what counts is that it can be. */
function directory(subject: string, wanted: string): Finding {
  try {
    let existing = wanted;
    while (!existsSync(existing)) existing = path.dirname(existing);
    accessSync(existing, constants.W_OK | constants.X_OK);
    const probe = path.join(existing, `.qm-doctor-${process.pid}`);
    mkdirSync(probe);
    rmSync(probe, { recursive: true });
    const open = process.platform !== 'win32' && existing === wanted && (statSync(wanted).mode & 0o022) !== 0;
    if (!open) return good(subject, wanted);
    return {
      level: 'broken',
      subject,
      message: `${wanted} can be written by other users`,
      fix: `chmod go-w ${wanted}`,
    };
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    return {
      level: 'broken',
      subject,
      message: `${wanted} cannot be written (${reason})`,
      fix: `make it writable for this user: chown it, or point XDG_STATE_HOME and XDG_CACHE_HOME elsewhere`,
    };
  }
}

function versionOf(cli: Cli, command: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const shell = process.platform === 'win32';
    execFile(
      command,
      [...args],
      { env: { ...cli.env } as NodeJS.ProcessEnv, timeout: 5000, shell },
      (error, stdout) => {
        const line = stdout.trim().split('\n')[0] ?? '';
        resolve(error === null && line !== '' ? line : undefined);
      },
    );
  });
}
