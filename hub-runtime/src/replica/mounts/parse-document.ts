/** The document of the config Secret: unpacked within bounds, and checked like one that came over the stream. */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

import { type HubDocument, maxControlFrameBytes, maxDocumentBytes, readOperatorMessage } from '@quaymaster/crds';

const unpack = promisify(gunzip);

/** Rejects with what is wrong with it. */
export async function parseDocument(packed: Buffer): Promise<HubDocument> {
  if (packed.length > maxDocumentBytes)
    throw new RangeError(`the document has ${packed.length} bytes, more than ${maxDocumentBytes}`);
  const text = (await unpack(packed, { maxOutputLength: maxControlFrameBytes })).toString('utf8');
  const read = readOperatorMessage(`{"type":"config","document":${text}}`);
  if (read.kind === 'message' && read.message.type === 'config') return read.message.document;
  if (read.kind === 'newer')
    throw new TypeError(
      `the document has version ${read.version}, of a later release than this hub, which knows version 1`,
    );
  throw new TypeError(read.kind === 'malformed' ? read.reason : 'this is no document');
}
