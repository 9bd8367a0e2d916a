/** `cluster mirror NAME`: the mirror as a process of the cluster, until the cluster goes. */
import { parseArgs } from 'node:util';

import { startPackageMirror } from './package-mirror.ts';

const { values } = parseArgs({ options: { host: { type: 'string', default: '127.0.0.1' } } });
const mirror = await startPackageMirror({ host: values.host });
console.log(`npm ${mirror.npm}\npypi ${mirror.pypi}`);
process.once('SIGTERM', () => void mirror.close());
