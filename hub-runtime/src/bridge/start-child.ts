/**
 * Starts one child and resolves once the operating system has started its program; rejects with ChildError when it cannot.
 *
 * Decides only between "runs" and "cannot run"; whether the program speaks MCP is found out by the connector above.
 */
import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';

import { cappedCommand, watchMemory } from './child-caps.ts';
import { type Child, type ChildDeps, ChildError, type ChildSpec } from './child.ts';
import { hideValues } from './hide-values.ts';
import { SupervisedChild } from './supervised-child.ts';

export function startChild(spec: ChildSpec, deps: ChildDeps): Promise<Child> {
  if (deps.children.isFull) {
    const message = `the hub already runs ${deps.children.limit} processes`;
    return Promise.reject(new ChildError('TooManyProcesses', message, true));
  }
  // A missing directory fails with the same ENOENT as a missing command; told apart here.
  if (spec.cwd !== undefined && !isDirectory(spec.cwd)) {
    const message = `the working directory ${spec.cwd} does not exist; create it or correct spec.source.command.cwd`;
    return Promise.reject(new ChildError('WorkingDirectoryNotFound', message, true));
  }
  return new Promise((resolve, reject) => {
    try {
      const { caps = {} } = spec;
      const capped = cappedCommand(spec, caps);
      if (capped.notice !== undefined) deps.log.warn({ command: spec.command }, capped.notice);
      const child = spawn(capped.command, capped.args, {
        env: spec.env,
        cwd: spec.cwd,
        shell: false,
        stdio: ['pipe', 'pipe', 'pipe'],
        // A group of its own, so that signals reach all it starts; see process-group.ts.
        detached: process.platform !== 'win32',
        windowsHide: true,
      });
      child.once('error', (error) => reject(spawnError(spec, error)));
      child.once('spawn', () => {
        if (child.pid === undefined) return;
        const supervised = new SupervisedChild(child, child.pid, deps, hideValues(spec.secrets), capped.notice);
        if (caps.memoryBytes !== undefined)
          supervised.onExit(watchMemory(supervised, caps.memoryBytes, (ms, look) => deps.clock.every(ms, look)));
        resolve(supervised);
      });
    } catch (error) {
      // Thrown at once: a NUL character in an argument, no memory for the environment.
      reject(spawnError(spec, error as NodeJS.ErrnoException));
    }
  });
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function spawnError(spec: ChildSpec, error: NodeJS.ErrnoException): ChildError {
  const { command } = spec;
  switch (error.code) {
    case 'ENOENT': {
      const where = command.includes('/') || command.includes('\\') ? 'there is no such file' : 'it is not on PATH';
      const message = `the command "${command}" was not found: ${where}; install it, or give its absolute path`;
      return new ChildError('CommandNotFound', message, true, error);
    }
    case 'EACCES':
    case 'ENOEXEC': {
      const message = `the command "${command}" cannot be run (${error.code}); make it executable (chmod +x), or name its interpreter as the command`;
      return new ChildError('CommandNotExecutable', message, true, error);
    }
    default:
      return new ChildError('SpawnFailed', `"${command}" could not be started: ${error.message}`, true, error);
  }
}
