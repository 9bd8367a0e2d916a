/**
 * Which document runs. It comes from two sides, the mounted Secret and the stream, in any order and often twice.
 *
 * The highest generation wins, from whichever side: the Secret arrives up to a minute after the stream and must not take a hub back. A document
 * is taken over as a whole or not at all; one that is refused leaves the last good one where it is, and is named with the reason.
 */
import { contentHash, type HubDocument, hubDocument } from '@quaymaster/crds';

export type Verdict =
  | { readonly kind: 'applied' }
  /** It runs already, or something newer does. */
  | { readonly kind: 'nothing-new' }
  | { readonly kind: 'refused'; readonly message: string };

export class Documents {
  readonly #hub: string;
  readonly #apply: (document: HubDocument) => void;
  #running: HubDocument | undefined;

  /** `apply` throws when the document cannot be taken over; nothing has changed then. */
  constructor(hub: string, apply: (document: HubDocument) => void) {
    this.#hub = hub;
    this.#apply = apply;
  }

  get running(): HubDocument | undefined {
    return this.#running;
  }

  offer(document: HubDocument, from: 'mount' | 'stream'): Verdict {
    const running = this.#running;
    if (running?.hash === document.hash) {
      // The same content under a later number: nothing to do but to know the number.
      if (document.generation > running.generation) this.#running = document;
      return { kind: 'nothing-new' };
    }
    const fault = faultOf(document, this.#hub);
    if (fault !== undefined) return refused(fault);
    if (running !== undefined && document.generation < running.generation) {
      if (from === 'mount') return { kind: 'nothing-new' };
      return refused(`generation ${document.generation} is older than ${running.generation}, which runs`);
    }
    if (running?.generation === document.generation)
      return refused(
        `generation ${document.generation} runs as ${running.hash}; a different document (${document.hash}) has the same number`,
      );
    try {
      this.#apply(document);
    } catch (error) {
      return refused(error instanceof Error ? error.message : String(error));
    }
    this.#running = document;
    return { kind: 'applied' };
  }
}

function refused(message: string): Verdict {
  return { kind: 'refused', message };
}

function faultOf(document: HubDocument, hub: string): string | undefined {
  const { hash: configHash, ...body } = document.config;
  const named = `${document.config.namespace}/${document.config.name}`;
  if (named !== hub) return `it is the document of ${named}, and this is ${hub}`;
  if (contentHash(body) !== configHash || hubDocument(document).hash !== document.hash)
    return `its content does not have the hash it names (${document.hash})`;
  const homeless = document.config.servers.find(({ key }) => !Object.hasOwn(document.addresses, key));
  return homeless === undefined ? undefined : `it has no address for server ${homeless.key}`;
}
