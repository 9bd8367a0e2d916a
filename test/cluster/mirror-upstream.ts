/** The registries that npm and pip of this machine use, and how they are asked. Their names stay in this process. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, get as httpGet, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, get as httpsGet } from 'node:https';
import { tmpdir } from 'node:os';
import { rootCertificates } from 'node:tls';

import type { Fetched } from './mirror-store.ts';

export interface Registries {
  /** Both end with a slash. */
  readonly npm: string;
  readonly pypi: string;
}

export type Fetcher = (url: string, accept: string) => Promise<Fetched>;

const timeoutMs = 120_000;
const maxBytes = 1024 * 1024 * 1024;

export async function configuredRegistries(): Promise<Registries> {
  const npm = await said('npm', ['config', 'get', 'registry']);
  if (!/^https?:/.test(npm)) throw new Error(`npm names no registry: ${npm || 'npm is not on PATH'}`);
  return { npm: withSlash(npm), pypi: withSlash(await pypiIndex()) };
}

/** pip's own way of finding it: variables over files over what is built in. */
async function pypiIndex(): Promise<string> {
  const script = `
from pip._internal.cli.main_parser import create_main_parser
from pip._internal.commands import create_command
print(create_command('download').parser.parse_args(['x'])[0].index_url)`;
  const index = await said('python3', ['-c', script]);
  if (!/^https?:/.test(index)) throw new Error(`pip names no index: ${index || 'python3 with pip is not on PATH'}`);
  return index;
}

function said(command: string, args: readonly string[]): Promise<string> {
  return new Promise((done) => {
    execFile(command, args, { cwd: tmpdir(), timeout: 30_000 }, (error, stdout) =>
      done(error === null ? stdout.trim() : ''),
    );
  });
}

function withSlash(url: string): string {
  return url.endsWith('/') ? url : `${url}/`;
}

/** Through the machine's proxy and with its certificates, as npm and pip would go. */
export function httpFetcher(): Fetcher {
  const own = process.env['SSL_CERT_FILE'] ?? process.env['PIP_CERT'];
  const ca = own === undefined || own === '' ? {} : { ca: [...rootCertificates, readFileSync(own, 'utf8')] };
  const proxyEnv = process.env;
  const agents = { http: new HttpAgent({ proxyEnv }), https: new HttpsAgent({ proxyEnv, ...ca }) };
  const once = (url: URL, accept: string): Promise<IncomingMessage> =>
    new Promise((done, fail) => {
      const options = { headers: { accept, 'accept-encoding': 'identity' }, timeout: timeoutMs };
      const request =
        url.protocol === 'http:'
          ? httpGet(url, { ...options, agent: agents.http }, done)
          : httpsGet(url, { ...options, agent: agents.https }, done);
      request
        .on('timeout', () => request.destroy(new Error(`no answer within ${timeoutMs / 1_000} s`)))
        .on('error', fail);
    });
  return async (url, accept) => {
    let at = new URL(url);
    for (let hops = 0; hops < 5; hops += 1) {
      const answer = await once(at, accept);
      const { statusCode: status = 0, headers } = answer;
      if (status >= 300 && status < 400 && headers.location !== undefined) {
        answer.resume();
        at = new URL(headers.location, at);
        continue;
      }
      return { status, type: headers['content-type'] ?? 'application/octet-stream', body: await bodyOf(answer) };
    }
    throw new Error('too many redirections');
  };
}

async function bodyOf(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw new Error(`more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  if (!answer.complete) throw new Error('the connection ended in the middle');
  return Buffer.concat(chunks);
}
