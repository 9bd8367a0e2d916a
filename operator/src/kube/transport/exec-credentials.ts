/**
 * Credentials from an exec plugin of a kubeconfig (`client.authentication.k8s.io`), as cloud vendors ship them. Run without a terminal,
 * bounded in time and output; the answer is kept until shortly before it expires, and dropped on a 401.
 */
import { execFile } from 'node:child_process';

import type { Clock } from 'quaymaster/base';

import type { Credentials, TlsMaterial } from './credentials.ts';
import { KubeError } from './kube-error.ts';

export interface ExecConfig {
  readonly apiVersion: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly installHint?: string | undefined;
  readonly interactiveMode?: string | undefined;
  /** Goes into KUBERNETES_EXEC_INFO when `provideClusterInfo` is set. */
  readonly cluster?: unknown;
}

/** Runs a program and returns its standard output. Injected for tests. */
export type RunProgram = (
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
) => Promise<string>;

interface Answer {
  readonly authorization: string | undefined;
  readonly material: TlsMaterial;
  readonly expiresAtMs: number;
}

const timeoutMs = 60_000;
const maxOutputBytes = 1024 * 1024;
/** Asked again this long before the end, so that no request leaves with a token that ends on the way. */
const marginMs = 30_000;

export const runProgram: RunProgram = (command, args, env) =>
  new Promise((resolve, reject) => {
    execFile(
      command,
      [...args],
      {
        env: { ...process.env, ...env },
        timeout: timeoutMs,
        maxBuffer: maxOutputBytes,
        encoding: 'utf8',
      },
      (error, stdout) => (error === null ? resolve(stdout) : reject(error)),
    );
  });

export function execCredentials(
  config: ExecConfig,
  base: TlsMaterial,
  clock: Clock,
  run: RunProgram = runProgram,
): Credentials {
  let answer: Answer | undefined;
  let asking: Promise<Answer> | undefined;
  // Shared by all requests that wait for it, so no single one of them may end it; the time limit does.
  const ask = async (): Promise<Answer> => {
    try {
      answer = await askPlugin(config, base, clock, run);
      return answer;
    } finally {
      asking = undefined;
    }
  };
  const current = (): Promise<Answer> => {
    if (answer !== undefined && clock.now() < answer.expiresAtMs) return Promise.resolve(answer);
    asking ??= ask();
    return asking;
  };
  return {
    authorization: async () => (await current()).authorization,
    async renew(used) {
      const before = answer;
      // Another request may have renewed already while this one was under way.
      if (before !== undefined && before.authorization !== used) return true;
      answer = undefined;
      const now = await current();
      return now.authorization !== used || now.material.cert !== before?.material.cert;
    },
    tls: async () => (await current()).material,
  };
}

async function askPlugin(config: ExecConfig, base: TlsMaterial, clock: Clock, run: RunProgram): Promise<Answer> {
  if (config.interactiveMode === 'Always') {
    throw new KubeError('KUBE_CONFIG', `the exec plugin ${config.command} wants a terminal (interactiveMode: Always)`);
  }
  const info = JSON.stringify({
    apiVersion: config.apiVersion,
    kind: 'ExecCredential',
    spec: { interactive: false, ...(config.cluster === undefined ? {} : { cluster: config.cluster }) },
  });
  let output: string;
  try {
    output = await run(config.command, config.args, { ...config.env, KUBERNETES_EXEC_INFO: info });
  } catch (error) {
    const hint = isMissing(error) && config.installHint !== undefined ? `. ${config.installHint}` : '';
    throw new KubeError('KUBE_NETWORK', `the exec plugin ${config.command} failed${hint}`, { cause: error });
  }
  return parseAnswer(output, config, base, clock);
}

function parseAnswer(output: string, config: ExecConfig, base: TlsMaterial, clock: Clock): Answer {
  let credential: { apiVersion?: unknown; kind?: unknown; status?: Record<string, unknown> };
  try {
    credential = JSON.parse(output) as typeof credential;
  } catch (error) {
    throw new KubeError('KUBE_PROTOCOL', `the exec plugin ${config.command} printed no JSON`, { cause: error });
  }
  if (credential.kind !== 'ExecCredential' || credential.apiVersion !== config.apiVersion) {
    throw new KubeError(
      'KUBE_PROTOCOL',
      `the exec plugin ${config.command} printed no ExecCredential of ${config.apiVersion}`,
    );
  }
  const status = credential.status ?? {};
  const token = text(status['token']);
  const cert = text(status['clientCertificateData']);
  const key = text(status['clientKeyData']);
  if (token === undefined && (cert === undefined || key === undefined)) {
    throw new KubeError('KUBE_PROTOCOL', `the exec plugin ${config.command} gave neither a token nor a certificate`);
  }
  const end = text(status['expirationTimestamp']);
  const endMs = end === undefined ? Number.NaN : Date.parse(end);
  return {
    authorization: token === undefined ? undefined : `Bearer ${token}`,
    material: cert === undefined ? base : { ...base, cert, key },
    // Without an end it is kept until a 401. One that ends within the margin still serves half of its life.
    expiresAtMs: Number.isNaN(endMs)
      ? Number.POSITIVE_INFINITY
      : Math.max(endMs - marginMs, clock.now() + (endMs - clock.now()) / 2),
  };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === 'ENOENT';
}
