export interface FleetOptions {
  /** `host:port`. A function is asked for every dial. */
  readonly address: string | (() => string);
  /** Certificates to trust, PEM. A function is asked for every dial, as a mounted Secret would be read. */
  readonly ca: string | (() => string);
  /** The name the operator's certificate has to be for. */
  readonly servername?: string;
  /** Shortest and longest wait before dialing again. */
  readonly retryMs?: { readonly min: number; readonly max: number };
  /** How often counters are reported. What changes is reported at once. */
  readonly reportMs?: number;
  /** An operator that is silent for so long is left. */
  readonly silenceMs?: number;
  /** Dials under way at once; others wait. One process makes all handshakes. */
  readonly dialsAtOnce?: number;
  readonly random?: () => number;
}

export interface FleetPod {
  /** `<namespace>/<name>` of the McpHub. */
  readonly hub: string;
  readonly name: string;
  readonly uid: string;
  readonly ip: string;
  /** Bound to the Pod, for the audience of the control stream. A function is asked for every dial. */
  readonly token: string | (() => string | Promise<string>);
}

export interface FleetPodState {
  readonly hub: string;
  readonly name: string;
  readonly uid: string;
  readonly connected: boolean;
  /** The document it runs. */
  readonly running?: { readonly hash: string; readonly generation: number };
  readonly servers: number;
  readonly ready: number;
  readonly peers: number;
  /** Hash of the values it holds. */
  readonly credentials?: string;
  readonly dials: number;
  /** Of the last stream that ended. */
  readonly closed?: { readonly code: number; readonly reason: string };
}

export interface Fleet extends AsyncDisposable {
  /** Pods that are here stay as they are; so a watch may just repeat itself. */
  add(pod: FleetPod): void;
  remove(uid: string): void;
  readonly size: number;
  states(): FleetPodState[];
  /** Cuts all streams without a word, as a network would; the fleet dials again. Its Pods keep what they run. */
  cut(): void;
}
