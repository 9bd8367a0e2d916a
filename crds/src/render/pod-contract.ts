/**
 * What a Pod hands the program inside it: the contract between what is rendered here and the commands `qm bridge` and `qm hub`.
 *
 * Settings travel as one JSON document in one variable, so that both sides share a type. Nothing in it is secret: secrets are files, or
 * variables of the server's own that only its child process gets.
 */
import type { Era, ServerConfig } from '../hub-config/index.ts';

/** Ports as on a laptop (7575 and 7576). `peers` only on hubs. */
export const podPorts = { mcp: 7_575, health: 7_576, peers: 7_577 } as const;

export const podPaths = {
  /** Where the init container of user images puts Node with its loader and libraries, and the bridge. */
  tools: '/quaymaster',
  /** The same volume in the init container that fills it: its own program lives in `tools`, which a mount there would hide. */
  install: '/install',
  /** Installed packages of runner images. */
  cache: '/var/cache/quaymaster',
  tmp: '/tmp',
  bridgeToken: '/run/quaymaster/bridge',
  mirrors: '/run/quaymaster/mirrors',
  hubConfig: '/run/quaymaster/config',
  hubCredentials: '/run/quaymaster/credentials',
  hubSealing: '/run/quaymaster/sealing',
  controlToken: '/run/quaymaster/control',
} as const;

/** Directories that a root cannot be mounted on, under or above. */
export const reservedPaths: readonly string[] = ['/quaymaster', '/run/quaymaster', '/var/cache/quaymaster', '/tmp'];

/** Started in an image that may have no loader and no libraries: Node's own loader runs it (glibc, musl and static images alike). */
export const injectedCommand: readonly string[] = [
  `${podPaths.tools}/lib/ld.so`,
  '--library-path',
  `${podPaths.tools}/lib`,
  `${podPaths.tools}/bin/node`,
  `${podPaths.tools}/qm.js`,
];

export const podVariables = {
  /** JSON of BridgePodSettings. */
  bridge: 'QM_BRIDGE',
  /** JSON of HubPodSettings. */
  hub: 'QM_HUB',
  podName: 'QM_POD_NAME',
  podUid: 'QM_POD_UID',
  podIp: 'QM_POD_IP',
  /**
   * Put before every variable of the server behind a bridge; the bridge takes it off again for the child. So nothing a server is given can
   * reach the bridge itself: neither NODE_OPTIONS nor another QM_BRIDGE.
   */
  childPrefix: 'QM_CHILD_',
} as const;

/** `qm bridge -- WORDS`: for `command` the whole command line of the child, else the arguments of the package's executable. */
export interface BridgePodSettings {
  readonly version: 1;
  /** `<namespace>/<name>` of the McpServer. */
  readonly server: string;
  readonly program: BridgeProgram;
  readonly protocol: 'auto' | Era;
  readonly instances: { readonly mode: 'shared' | 'perClient'; readonly max: number };
  readonly startMs: number;
  readonly drainMs: number;
  readonly port: number;
  readonly healthPort: number;
  /** Directory with the token callers present (`token`; during a rotation also `previous`). */
  readonly tokenDirectory: string;
  readonly childPrefix: string;
  /** Variables of the child that come from Secrets, as the child sees them; `PREFIX*` for whole Secrets. Hidden in what it prints. */
  readonly secretVariables?: readonly string[];
  /** Of its child; absent where they are the defaults. */
  readonly limits?: ServerConfig['limits'];
}

export type BridgeProgram =
  | { readonly kind: 'command'; readonly cwd?: string }
  | {
      readonly kind: 'npm';
      readonly package: string;
      readonly version: string;
      readonly bin?: string;
      readonly integrity?: string;
      readonly resolvedBefore?: string;
      readonly cache: string;
    }
  | {
      readonly kind: 'pypi';
      readonly package: string;
      readonly version: string;
      readonly bin?: string;
      readonly with: readonly string[];
      readonly python?: string;
      readonly resolvedBefore?: string;
      readonly cache: string;
    };

export interface HubPodSettings {
  readonly version: 1;
  /** `<namespace>/<name>` of the McpHub. */
  readonly hub: string;
  readonly port: number;
  readonly healthPort: number;
  readonly peerPort: number;
  /** DNS name under which all replicas are found. */
  readonly peers: string;
  readonly configDirectory: string;
  readonly credentialsDirectory: string;
  readonly sealingDirectory: string;
  /** Where the operator listens, and the file with the token it checks. */
  readonly control: { readonly address: string; readonly tokenFile: string };
  readonly drainMs: number;
}
