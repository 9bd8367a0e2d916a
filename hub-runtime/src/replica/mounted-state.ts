/**
 * What the mounted Secrets say, handed on when it changes.
 *
 * One look at a time; a change during a look is seen by the next. Credentials and keys come before the document that may need them. A file
 * that cannot be used is named once, until it changes, and nothing else waits for it.
 */
import { createHash } from 'node:crypto';

import { type HubDocument, type HubPodSettings, hubSecretFiles } from '@quaymaster/crds';

import type { Logger } from '../base/index.ts';
import { parseDocument, readMount } from './mounts/index.ts';
import { type SealingKeys, sealingKeysOf } from './sealing-keys.ts';

export interface MountedStateDeps {
  readonly settings: HubPodSettings;
  readonly log: Logger;
  onCredentials(values: ReadonlyMap<string, Buffer>): void;
  onSealingKeys(keys: SealingKeys): void;
  onDocument(document: HubDocument): void;
}

export class MountedState {
  readonly #deps: MountedStateDeps;
  /** Digests of what was last handed on, or named as unusable. */
  readonly #seen = new Map<string, string>();
  #looking: Promise<void> | undefined;
  #again = false;

  constructor(deps: MountedStateDeps) {
    this.#deps = deps;
  }

  look(): Promise<void> {
    if (this.#looking !== undefined) {
      this.#again = true;
      return this.#looking;
    }
    this.#looking = this.#lookAll().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** PEM of the operator's certificate authority, as it is now. */
  async authority(): Promise<string> {
    const { configDirectory } = this.#deps.settings;
    const file = (await readMount(configDirectory))?.get(hubSecretFiles.authority);
    if (file === undefined)
      throw new Error(`there is no ${hubSecretFiles.authority} in ${configDirectory}, so no operator can be trusted`);
    return file.toString('utf8');
  }

  async #lookAll(): Promise<void> {
    do {
      this.#again = false;
      await this.#lookOnce();
    } while (this.#again);
  }

  async #lookOnce(): Promise<void> {
    const { settings, onCredentials, onSealingKeys, onDocument } = this.#deps;
    await this.#read('sealing', settings.sealingDirectory, (files) => {
      const keys = sealingKeysOf(files);
      if (keys !== undefined && this.#isNew('sealing', Buffer.concat([keys.current, keys.previous ?? Buffer.alloc(0)])))
        onSealingKeys(keys);
    });
    await this.#read('credentials', settings.credentialsDirectory, onCredentials);
    await this.#read('document', settings.configDirectory, async (files) => {
      const packed = files.get(hubSecretFiles.document);
      if (packed !== undefined && this.#isNew('document', packed)) onDocument(await parseDocument(packed));
    });
  }

  async #read(
    what: string,
    directory: string,
    use: (files: ReadonlyMap<string, Buffer>) => void | Promise<void>,
  ): Promise<void> {
    try {
      const files = await readMount(directory);
      if (files !== undefined) await use(files);
      this.#seen.delete(`${what} fault`);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (this.#isNew(`${what} fault`, Buffer.from(message)))
        this.#deps.log.error({ what, directory, error: message }, 'a mounted file cannot be used');
    }
  }

  #isNew(what: string, content: Buffer): boolean {
    const digest = createHash('sha256').update(content).digest('base64');
    if (this.#seen.get(what) === digest) return false;
    this.#seen.set(what, digest);
    return true;
  }
}
