/** Quaymaster as its users install it, on real Pods. */
export { loadKitImage } from './kit-image.ts';
export { helmInstall, startInstalled, systemNamespace } from './install.ts';
