/**
 * The Secret of the control stream as data, and what has to happen to it next. Pure.
 *
 * Life of an authority: made → signs serving certificates (each for 90 days, renewed after 60) → after two thirds of its ten years a
 * successor is made and added to the bundle, so that hubs trust both → a day later, when every hub has had the bundle for long, the successor
 * signs → the old one leaves the bundle when it has expired. A Secret without a usable authority begins a new life; hubs follow through
 * their config Secrets.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';

import { backdatedMs, type Issued, type Issuer } from './issue-certificates.ts';

export interface AuthorityFiles {
  readonly signing: Issued;
  /** Trusted, not signing any more. */
  readonly former: readonly string[];
  /** Trusted, not signing yet. */
  readonly next?: Issued;
  readonly serving?: Issued;
}

/** Names in the Secret. `ca.crt` is the whole bundle, the signing authority first. */
const names = {
  bundle: 'ca.crt',
  key: 'ca.key',
  cert: 'tls.crt',
  certKey: 'tls.key',
  next: 'next-ca.crt',
  nextKey: 'next-ca.key',
} as const;

/** Between the successor's arrival in the bundle and its first signature. A mounted Secret follows within two minutes. */
export const successionMs = 24 * 3_600 * 1_000;

export type SecretData = Readonly<Record<string, string>>;

/** Undefined: there is no authority in it that can sign. */
export function readFiles(data: SecretData): AuthorityFiles | undefined {
  const file = (name: string): string => Buffer.from(data[name] ?? '', 'base64').toString('utf8');
  const [cert, ...others] =
    file(names.bundle).match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g) ?? [];
  if (cert === undefined) return undefined;
  const signing = { cert, key: file(names.key) };
  if (usable(signing)?.ca !== true) return undefined;
  const next = { cert: file(names.next), key: file(names.nextKey) };
  const serving = { cert: file(names.cert), key: file(names.certKey) };
  const hasNext = usable(next)?.ca === true;
  return {
    signing,
    former: others.filter((other) => parse(other) !== undefined && !(hasNext && same(other, next.cert))),
    ...(hasNext ? { next } : {}),
    ...(usable(serving) === undefined ? {} : { serving }),
  };
}

export function writeFiles(files: AuthorityFiles): SecretData {
  const { signing, next, serving } = files;
  const texts: Record<string, string> = { [names.bundle]: bundleOf(files), [names.key]: signing.key };
  if (serving !== undefined) Object.assign(texts, { [names.cert]: serving.cert, [names.certKey]: serving.key });
  if (next !== undefined) Object.assign(texts, { [names.next]: next.cert, [names.nextKey]: next.key });
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, Buffer.from(text).toString('base64')]));
}

export function bundleOf({ signing, former, next }: AuthorityFiles): string {
  return [signing.cert, ...(next === undefined ? [] : [next.cert]), ...former]
    .map((cert) => `${cert.trim()}\n`)
    .join('');
}

export type Step = 'begin' | 'prepare' | 'succeed' | 'prune' | 'serve' | 'keep';

export function nextStep(files: AuthorityFiles | undefined, hosts: readonly string[], now: number): Step {
  if (files === undefined) return 'begin';
  const { signing, next, serving, former } = files;
  const authority = new X509Certificate(signing.cert);
  if (authority.validToDate.getTime() <= now) return 'begin';
  if (next === undefined && isPastTwoThirds(authority, now)) return 'prepare';
  if (next !== undefined && now >= new X509Certificate(next.cert).validFromDate.getTime() + backdatedMs + successionMs)
    return 'succeed';
  if (former.some((cert) => new X509Certificate(cert).validToDate.getTime() <= now)) return 'prune';
  return serving === undefined || !serves(new X509Certificate(serving.cert), authority, hosts, now) ? 'serve' : 'keep';
}

/** Steps until nothing is left to do. `reasons` are for the log. */
export async function bringUpToDate(
  start: AuthorityFiles | undefined,
  hosts: readonly string[],
  now: number,
  issuer: Issuer,
): Promise<{ readonly files: AuthorityFiles; readonly steps: readonly Step[] }> {
  let files = start;
  const steps: Step[] = [];
  for (;;) {
    const step = nextStep(files, hosts, now);
    if (files !== undefined && step === 'keep') return { files, steps };
    steps.push(step);
    // Each step makes its own reason go away, so there are never more than a few.
    if (steps.length > 8) throw new Error(`the control certificates do not come to rest: ${steps.join(', ')}`);
    files = await takeStep(step, files, hosts, now, issuer);
  }
}

async function takeStep(
  step: Step,
  files: AuthorityFiles | undefined,
  hosts: readonly string[],
  now: number,
  issuer: Issuer,
): Promise<AuthorityFiles> {
  if (files === undefined || step === 'begin') return { signing: await issuer.authority(now), former: [] };
  const { signing, former, next, serving } = files;
  if (step === 'prepare') return { ...files, next: await issuer.authority(now) };
  if (step === 'succeed' && next !== undefined)
    return { signing: next, former: [signing.cert, ...former], ...(serving === undefined ? {} : { serving }) };
  if (step === 'prune')
    return { ...files, former: former.filter((cert) => new X509Certificate(cert).validToDate.getTime() > now) };
  return { ...files, serving: await issuer.serving(signing, hosts, now) };
}

function serves(cert: X509Certificate, authority: X509Certificate, hosts: readonly string[], now: number): boolean {
  return (
    cert.checkIssued(authority) &&
    cert.verify(authority.publicKey) &&
    cert.validFromDate.getTime() <= now &&
    !isPastTwoThirds(cert, now) &&
    hosts.every((host) => (isIP(host) === 0 ? cert.checkHost(host) : cert.checkIP(host)) !== undefined)
  );
}

function isPastTwoThirds({ validFromDate, validToDate }: X509Certificate, now: number): boolean {
  const from = validFromDate.getTime();
  return now >= from + ((validToDate.getTime() - from) * 2) / 3;
}

/** A certificate with the key that belongs to it. */
function usable({ cert, key }: Issued): X509Certificate | undefined {
  const parsed = parse(cert);
  try {
    return parsed?.checkPrivateKey(createPrivateKey(key)) === true ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function parse(cert: string): X509Certificate | undefined {
  try {
    return new X509Certificate(cert);
  } catch {
    return undefined;
  }
}

function same(one: string, other: string): boolean {
  return parse(one)?.fingerprint256 === parse(other)?.fingerprint256;
}
