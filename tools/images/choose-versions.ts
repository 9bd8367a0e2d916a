/** What to do when Debian has replaced a pinned package: say so and end, or, for tests only, take what is there now. */
import type { DebianOffer } from './apt.ts';

export interface Choice {
  /** One for each that was asked for. */
  readonly wanted: readonly DebianOffer[];
  /** The pinned ones that are gone. */
  readonly replaced: readonly DebianOffer[];
}

/** `offers`: the newest of each package first. */
export function chooseVersions(
  asked: readonly DebianOffer[],
  offers: readonly DebianOffer[],
  suite: string,
  newer: boolean,
): Choice {
  const replaced = asked.filter((want) => !offers.some((offer) => offer.sha256 === want.sha256));
  if (replaced.length > 0 && !newer)
    throw new Error(
      `Debian has replaced ${inWords(replaced)}: run make images-pins, look at what changed in tools/images/pins.json and commit it; or set QM_DEBIAN_MIRROR to a snapshot of the archive that still has them`,
    );
  const wanted = asked.map((want) => {
    if (!replaced.includes(want)) return want;
    const offer = offers.find(({ name, architecture }) => name === want.name && architecture === want.architecture);
    if (offer === undefined) throw new Error(`Debian ${suite} has no package ${want.name} for ${want.architecture}`);
    return offer;
  });
  return { wanted, replaced };
}

export function inWords(offers: readonly DebianOffer[]): string {
  return offers.map(({ name, architecture, version }) => `${name}:${architecture} ${version}`).join(', ');
}
