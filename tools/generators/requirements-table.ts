/** What this repository claims of its requirements, one row per id. The proof is a test title; see `requirements-page.ts`. */
export interface Requirement {
  readonly what: string;
  readonly state: 'met' | 'partly' | 'open';
  /** What is missing, when it is not met. */
  readonly note?: string;
}

export const requirements: Readonly<Record<string, Requirement>> = {
  'EF-02': {
    what: 'A short manifest is enough for a working, safely bound endpoint',
    state: 'partly',
    note: 'OpenAPI documents as a source follow',
  },
  'EF-04': {
    what: 'Development and production do not differ',
    state: 'partly',
    note: 'shown by the parity suite; policies and tenancy follow',
  },
  'EF-14': {
    what: 'How many scenarios are identical in both modes is published',
    state: 'met',
  },
  'EF-15': {
    what: 'The time to a governed endpoint is measured',
    state: 'open',
    note: 'not yet: governance follows; see EF-44',
  },
  'EF-17': {
    what: 'Controls are on by default: nothing without authentication is reachable from outside by accident',
    state: 'partly',
    note: 'what is rendered for a cluster; the chart follows',
  },
  'EF-18': {
    what: 'The same manifests behave the same on a laptop and in a cluster',
    state: 'partly',
    note: 'policies, tenancy and scaling follow',
  },
  'EF-19': {
    what: 'Secure by default: what loosens something is written out and shown',
    state: 'partly',
    note: 'the chart and what the operator makes; authentication and policies follow',
  },
  'EF-21': {
    what: 'JSON-RPC as specified: ids keep their type, codes and HTTP statuses per revision',
    state: 'met',
  },
  'EF-22': {
    what: 'Clients and servers of both protocol eras meet on one endpoint, in every combination',
    state: 'met',
  },
  'EF-23': {
    what: 'Tools with their schemas, unchanged; arguments and structured results checked against them where a manifest asks for it',
    state: 'met',
  },
  'EF-24': {
    what: 'Errors of the protocol and of tools are told apart, with stable codes',
    state: 'partly',
    note: 'code and severity stand in the log of operations; audit lines follow with the audit log',
  },
  'EF-25': { what: 'Resources of all servers stay readable, also when URIs collide', state: 'met' },
  'EF-26': {
    what: 'Caching hints are merged to the strictest; results of any size flow',
    state: 'partly',
    note: 'a cache of the hub follows',
  },
  'EF-27': { what: 'Prompts and completion through the hub', state: 'partly', note: 'not yet filtered by policy' },
  'EF-28': {
    what: 'Sampling through the hub, with a bound on how deep it nests',
    state: 'met',
  },
  'EF-29': { what: 'Sessions have unguessable ids of their own, and no answer reaches another client', state: 'met' },
  'EF-30': {
    what: 'Session ids are sealed tokens that need no store, and any replica serves them',
    state: 'met',
  },
  'EF-31': { what: 'A server that dies is started again; its callers get a clear, retryable error', state: 'met' },
  'EF-43': {
    what: 'One command brings up hub and servers, PyPI servers included',
    state: 'partly',
    note: 'policies and an issuer for development follow',
  },
  'EF-44': { what: 'A full environment within minutes', state: 'met' },
  'EF-45': {
    what: 'Edited manifests act within two seconds and leave other servers alone',
    state: 'partly',
    note: 'manifests; the source files of a server are not watched yet',
  },
  'EF-48': { what: 'Line and branch coverage of at least 80 %, enforced', state: 'met' },
  'EF-53': {
    what: 'Small reproducible images for both architectures, without a shell',
    state: 'partly',
    note: 'arm64 is assembled and looked at, not run',
  },
  'EF-54': { what: 'Pods run hardened and never as root', state: 'met' },
  'EF-55': {
    what: 'Hubs and servers become the objects a cluster expects, and an autoscaler may own the replicas',
    state: 'partly',
    note: 'scaling by the operator itself follows',
  },
  'EF-56': { what: 'Probes tell real states apart', state: 'met' },
  'EF-57': {
    what: 'A changed configuration restarts no hub; images change with surge',
    state: 'partly',
    note: 'blue-green follows',
  },
  'EF-64': {
    what: 'Helm charts with checked values and profiles, that install, upgrade and leave cleanly',
    state: 'partly',
    note: 'a chart of hubs follows; manifests are applied as they are',
  },
  'EF-69': { what: 'Prometheus metrics with bounded label sets', state: 'met' },
  'EF-71': {
    what: 'One structured log line per operation, with the request id',
    state: 'partly',
    note: 'trace ids come with tracing',
  },
  'EF-72': {
    what: 'Secrets are masked in every sink',
    state: 'partly',
    note: 'logs, metrics and status pages; audit and traces come with them',
  },
  'EF-73': { what: 'Liveness, readiness and startup tell the truth, with detail per dependency', state: 'met' },
  'EF-74': {
    what: 'Grafana dashboards made from the metric tables',
    state: 'partly',
    note: 'operator and hubs; servers, security and rollouts follow, and queries against recorded data',
  },
  'EF-75': {
    what: 'Alerts, each with a page that says what to do',
    state: 'partly',
    note: 'six; burn rates and tests with promtool follow',
  },
  'EF-84': {
    what: 'Failing servers and tools are left alone for a while; calls have bounds in number and time',
    state: 'met',
  },
  'EF-85': {
    what: 'A thousand live clients of both eras with calls on one process, and bounded overload beyond',
    state: 'partly',
    note: 'ten minutes in `make soak`; the half hour on a node with limits, and where it breaks, follow',
  },
  'HS-02': {
    what: 'Few, counted dependencies and a bounded bundle',
    state: 'partly',
    note: 'the latency it adds is measured by the bench and not yet a gate; images follow',
  },
  'HS-07': {
    what: 'Host and Origin are validated, the local bind is loopback',
    state: 'partly',
    note: 'security headers of documentation pages come with them',
  },
  'HS-11': {
    what: 'Locked installs without scripts; an unlisted package fails the build',
    state: 'partly',
    note: 'signatures and bills of materials come with the release work',
  },
  'HS-12': { what: 'Health and metrics on a listener of their own', state: 'met' },
  'HS-13': {
    what: 'An orderly end: calls finish, processes and sockets go, exit 0',
    state: 'partly',
    note: 'the cluster side follows',
  },
  'HS-15': { what: 'Connections to servers are pooled, bounded and counted', state: 'met' },
  'HS-16': {
    what: 'The same compiled configuration drives laptop and cluster',
    state: 'partly',
    note: 'one driver so far',
  },
  'HS-30': { what: 'Benchmarks compare with a bare relay in the same run', state: 'met' },
  'HT-0.01': { what: 'What the hub does not have to change passes as the same bytes', state: 'met' },
  'HT-0.02': {
    what: 'A graph from servers to capabilities to hubs that can be asked',
    state: 'partly',
    note: 'what policies hide follows with policies',
  },
  'HT-0.03': {
    what: 'A transport is a seam: adding one touches no routing code',
    state: 'met',
  },
  'HT-0.04': { what: 'Ids, progress tokens and cancellations belong to one client', state: 'met' },
  'HT-0.05': { what: 'Configuration swaps are atomic and lose no call', state: 'met' },
  'HT-0.06': {
    what: 'Tools of all servers in one list: stable order and names, collisions are conditions',
    state: 'met',
  },
  'HT-0.07': { what: 'Resources and templates of all servers in one list', state: 'met' },
  'HT-0.08': { what: 'Prompts of all servers in one list', state: 'met' },
  'HT-0.09': { what: 'Servers have a life cycle with phases and reasons; idle ones may be stopped', state: 'met' },
  'HT-0.10': {
    what: 'A hub is a server of another hub, three levels deep; circles are refused with their way',
    state: 'met',
  },
  'HT-0.11': {
    what: 'stdio on both sides, tolerant of noise on stdout',
    state: 'partly',
    note: 'servers in Pods follow',
  },
  'HT-0.12': { what: 'Streamable HTTP of both eras', state: 'met' },
  'HT-0.13': {
    what: 'HTTP+SSE of 2024-11-05: toward servers always, toward clients where the manifest says so',
    state: 'met',
  },
  'HT-0.14': {
    what: 'WebSocket both ways: origin checks, pings, one message per text frame',
    state: 'partly',
    note: 'tokens follow with authentication',
  },
  'HT-1.03': {
    what: 'Health endpoints as Kubernetes expects them',
    state: 'partly',
    note: 'probing of servers belongs to their life cycle',
  },
  'HT-1.04': { what: 'JSON logs, masked', state: 'met' },
  'HT-1.08': { what: 'Log text is masked by key, shape and checksum', state: 'met' },
  'HT-1.09': { what: 'Circuit breakers count in a window, weigh failures, and try again with probes', state: 'met' },
  'HT-1.10': {
    what: 'Errors have a severity, and whether to repeat',
    state: 'partly',
    note: 'audit lines follow with the audit log',
  },
  'HT-1.11': { what: 'Only what may be repeated is, with jittered pauses and one deadline over all', state: 'met' },
  'HT-1.12': { what: 'Servers recover by themselves, with growing pauses', state: 'met' },
  'HT-1.13': {
    what: 'Servers from npm, PyPI, commands and URLs',
    state: 'partly',
    note: 'images run in a cluster only',
  },
  'HT-1.14': {
    what: 'Client configuration files are read as they are',
    state: 'partly',
    note: 'those of MCP clients; Hatago files with `extends` and tags, and compose catalogs, follow',
  },
  'HT-2.05': {
    what: 'A development server that reloads',
    state: 'partly',
    note: 'see EF-45',
  },
  'HT-2.08': {
    what: '`qm doctor` names what is wrong and what to do',
    state: 'partly',
    note: 'a tap on messages follows',
  },
  'HT-2.17': { what: 'A scriptable MCP server for tests', state: 'met' },
  'HT-2.18': { what: 'A recording MCP client with matchers', state: 'met' },
  'HT-C1': {
    what: 'Documentation whose commands run',
    state: 'partly',
    note: 'the guides come with the features they guide to',
  },
  'HT-C2': {
    what: 'Examples that run',
    state: 'partly',
    note: '6 of at least 12, on a laptop and in a cluster',
  },
  'HT-C6': { what: 'Borders between packages and rooms are enforced', state: 'met' },
  'HT-I1': {
    what: 'One command runs everything that must pass',
    state: 'partly',
    note: 'parity, scans, signatures and releases follow',
  },
  'HT-3.12': { what: 'Calls are spread over the replicas of a server, sessions stay where they are', state: 'met' },
  'HT-3.19': {
    what: 'The operator and hubs survive the loss of a replica',
    state: 'partly',
    note: 'loss of a node is simulated only',
  },
  'HT-4.09': {
    what: 'Built on what Kubernetes offers, on the API servers of its three newest minors',
    state: 'partly',
    note: 'server-side apply, watch-list, metadata-only caches, proven on one minor',
  },
  'HT-4.20': {
    what: 'Community tools: Argo CD knows the health of both kinds and restarts them',
    state: 'partly',
    note: 'kubectl plugin, GitHub Action and Backstage follow',
  },
  'HT-5.12': {
    what: 'Back-pressure from client to server, bounded buffers, fair turns, refusals that say when to come again',
    state: 'met',
  },
  'HT-I3': {
    what: 'A real Kubernetes for tests on one machine',
    state: 'partly',
    note: 'chaos and scale tests follow',
  },
  'HT-Q2': { what: 'Performance baselines are kept as ratios', state: 'met' },
  'HT-Q4': { what: 'What is stable is written down and frozen by tests', state: 'partly', note: 'one version so far' },
  'X-01': { what: 'The hub listens at once; servers start in parallel', state: 'met' },
  'X-02': { what: 'List changes are merged into one announcement', state: 'met' },
  'X-03': {
    what: 'Variables with defaults, in client files and environment files',
    state: 'partly',
    note: '`extends` and tags follow',
  },
  'X-05': {
    what: 'Servers and networks fail on demand, in tests',
    state: 'partly',
    note: 'not as an administrative action',
  },
  'X-06': { what: 'Naming with prefix, separator and aliases', state: 'met' },
};
