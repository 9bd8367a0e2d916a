/**
 * What a package manager's output means, as a TargetError: one reason each, and the next step.
 *
 * Package managers give no other machine-readable account; npm's codes are stable, pip's and uv's sentences are matched loosely and fall
 * back to the last lines they printed.
 */
import { TargetError } from '../../exchange/index.ts';
import type { ToolEnd } from './run-tool.ts';

interface Meaning {
  readonly pattern: RegExp;
  readonly reason: string;
  readonly retryable: boolean;
  readonly say: string;
}

const unreachable =
  'check the network, proxy and registry settings of the package manager. A package that was installed once starts without the network';

/** First match wins. */
const meanings: readonly Meaning[] = [
  {
    pattern: /EINTEGRITY|do not match the hashes|hash mismatch/i,
    reason: 'IntegrityMismatch',
    retryable: false,
    say: 'what was downloaded does not have the checksum the registry announced; somebody or something changed it on the way. Try again, and ask who runs the registry or proxy when it stays so',
  },
  {
    pattern: /from versions: none/i,
    reason: 'PackageNotFound',
    retryable: false,
    say: 'there is no such package in the index, or it offers no wheel for this Python; correct the package name or version',
  },
  {
    pattern:
      /ETARGET|notarget|No matching distribution|no version of|there is no version|not find a version that satisfies/i,
    reason: 'VersionNotFound',
    retryable: false,
    say: 'that version (or a dependency it needs) does not exist, or was published after resolvedBefore; correct version or resolvedBefore',
  },
  {
    pattern: /E404|404 Not Found|not found in the package registry/i,
    reason: 'PackageNotFound',
    retryable: false,
    say: 'there is no such package in the registry; correct the package name, or log in if it is private',
  },
  {
    pattern: /\bE401\b|\bE403\b|ENEEDAUTH|401 Unauthorized|403 Forbidden/i,
    reason: 'RegistryDenied',
    retryable: false,
    say: 'the registry refused access; log in to it, or check the token in the configuration of the package manager',
  },
  {
    pattern: /only-binary|no-build|no wheels|has no usable wheels|source distribution/i,
    reason: 'NoWheel',
    retryable: false,
    say: 'it is published as source only, and building would run its scripts; choose a version with a wheel, or install it yourself and use source.command',
  },
  {
    pattern:
      /EIDLETIMEOUT|network timeout|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT|Connection refused|Temporary failure in name resolution|Name or service not known|Max retries exceeded|NewConnectionError|dns error|error sending request|timed out|network is unreachable/i,
    reason: 'RegistryUnreachable',
    retryable: true,
    say: `the registry cannot be reached; ${unreachable}`,
  },
  {
    pattern: /SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|CERT_|certificate verify failed/i,
    reason: 'RegistryUnreachable',
    retryable: true,
    say: "the registry's certificate is not trusted here; give Node its authority in NODE_EXTRA_CA_CERTS, Python in SSL_CERT_FILE",
  },
  {
    pattern: /ENOSPC|No space left/i,
    reason: 'DiskFull',
    retryable: true,
    say: 'the disk is full; `qm cache clean` gives back what installed packages take',
  },
  {
    pattern: /EACCES|EPERM|Permission denied/i,
    reason: 'CacheNotWritable',
    retryable: true,
    say: 'the cache directory cannot be written; correct its owner, or point XDG_CACHE_HOME elsewhere',
  },
  {
    pattern: /ERESOLVE|conflicting dependencies|ResolutionImpossible|unsatisfiable/i,
    reason: 'DependencyConflict',
    retryable: false,
    say: 'its dependencies contradict each other (or what `with` asks for); change version, with or resolvedBefore',
  },
];

/** `silent`: who never answered, when it was given up for that. */
export function installFailure(title: string, tool: string, end: ToolEnd, silent?: string): TargetError {
  if (silent !== undefined)
    return new TargetError('RegistryUnreachable', `${title}: ${silent} does not answer; ${unreachable}`, true);
  if (end.cut === 'timeout')
    return new TargetError(
      'InstallFailed',
      `${title} could not be installed in time; the network may be slow, it is tried again`,
      true,
    );
  const output = `${end.stderr}\n${end.stdout}`;
  for (const meaning of meanings) {
    if (!meaning.pattern.test(output)) continue;
    return new TargetError(
      meaning.reason,
      `${title}: ${meaning.say} (${tool} said: ${tellingLine(output, meaning.pattern)})`,
      meaning.retryable,
    );
  }
  return new TargetError('InstallFailed', `${title} could not be installed; ${tool} said: ${lastLines(output)}`, true);
}

/** The line that matched, or the one behind it when it is only npm's bare code. */
function tellingLine(output: string, pattern: RegExp): string {
  const lines = output
    .split('\n')
    .map(clean)
    .filter((line) => line !== '');
  const at = lines.findIndex((line) => pattern.test(line));
  const bare = /^(code|errno|syscall) /.test(lines[at] ?? '');
  const telling = bare ? lines.find((line, index) => index > at && !/^(code|errno|syscall) /.test(line)) : lines[at];
  return (telling ?? lines[at] ?? lines.at(-1) ?? '').slice(0, 300);
}

function lastLines(output: string): string {
  const lines = output
    .split('\n')
    .map(clean)
    .filter((line) => line !== '' && !/complete log of this run|_logs/.test(line));
  return lines.slice(-3).join(' | ').slice(0, 600) || 'nothing';
}

// oxlint-disable-next-line no-control-regex -- the escape character is what terminal colours begin with
const colour = /\u001b\[[0-9;]*m/g;

/** Without colours, prefixes, and credentials that a registry URL may carry. */
function clean(line: string): string {
  return line
    .replaceAll(colour, '')
    .replace(/^npm (error|ERR!)\s*/, '')
    .replace(/\/\/[^/@\s]+@/g, '//***@')
    .trim();
}
