/** The bridge as a program of its own: one stdio server behind Streamable HTTP, as it runs in server Pods. */
export { installerEnvironment } from './child-environment.ts';
export type { InstallPackage } from './child-target.ts';
export { installTools } from './install-tools.ts';
export { runBridge } from './run-bridge.ts';
export { readBridgeSettings } from './settings.ts';
