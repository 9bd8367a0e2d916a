/** Mounted Secrets: read as the kubelet writes them, watched, and what is in them checked. */
export { parseDocument } from './parse-document.ts';
export { readMount } from './read-mount.ts';
export { type MountWatch, watchMounts } from './watch-mounts.ts';
