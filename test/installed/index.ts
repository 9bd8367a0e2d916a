/** Quaymaster as its users install it, on real Pods. */
export { loadKitImage } from './images.ts';
export { helmInstall, startInstalled, systemNamespace } from './install.ts';
