# shellcheck shell=bash disable=SC2154 # part of ../cluster, which sets what is used here
# Everything a cluster runs, made once under $cache: Kubernetes, the node's
# runtime and the extras, from Go modules pinned by go.mod and go.sum. A key over
# the Go version, the flags and all sources says what is still good, so a cache
# kept between runs costs nothing and nothing stale is ever used.

build() { # LEVEL MAKER
  requirements "$1" "$2"
  mkdir -p "$bin" "$cache"/{log,images,cni}
  exec 9>"$cache/.build.lock"
  flock 9
  if [[ $2 == kind ]]; then kind_programs; else self_programs "$1"; fi
  exec 9>&-
}

self_programs() { # LEVEL
  local command
  [[ $1 == control ]] || machine_programs
  go_module kube "$bin" .
  go_module runtime "$bin" ./etcd go.etcd.io/etcd/etcdctl/v3 \
    github.com/containerd/containerd/v2/cmd/{containerd,containerd-shim-runc-v2,ctr}
  extra_programs
  [[ $1 == control ]] || go_module runtime "$cache/cni" \
    github.com/containernetworking/plugins/plugins/{main/bridge,main/loopback,ipam/host-local}
  for command in kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl; do
    ln -sf kube "$bin/$command"
  done
  [[ $1 == control ]] || { pause_program; system_images; }
}

extra_programs() {
  go_module extra "$bin" sigs.k8s.io/kwok/cmd/kwok helm.sh/helm/v4/cmd/helm ./coredns
  kwok_stages
}

# Helm 3 lives beside Helm 4 as long as people do: for tests of charts, built when first asked for.
helm3() {
  requirements control self
  mkdir -p "$cache"/{log,helm3}
  exec 9>"$cache/.build.lock"
  flock 9
  go_module helm3 "$cache/helm3" helm.sh/helm/v3/cmd/helm >&2
  exec 9>&-
  echo "$cache/helm3/helm"
}

build_for() { # [--level LEVEL]
  local level=node maker began=$SECONDS
  [[ ${1:-} != --level ]] || level=$2
  maker=$(pick_maker "$level")
  use_maker "$maker"
  build "$level" "$maker"
  say "level $level is built ($maker) after $((SECONDS - began)) s, in $cache"
}

# go_module DIR OUT PACKAGE...
go_module() {
  local dir=$here/$1 out=$2 key flags path log names
  shift 2
  names=$(printf '%s\n' "${@#./}" | sed 's|/v[0-9]*$||; s|.*/||; s|^\.$|kube|' | tr '\n' ' ')
  flags="-s -w -X github.com/containerd/containerd/v2/version.Version=$containerd_version"
  for path in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags+=" -X $path.gitVersion=$kube_version -X $path.gitMajor=1 -X $path.gitMinor=$(cut -d. -f2 <<<"$kube_version")"
    flags+=" -X $path.gitTreeState=clean -X $path.gitCommit=module -X $path.buildDate=2026-01-01T00:00:00Z"
  done
  # Helm 3 takes the version it renders for from here, Helm 4 from its module file
  [[ ${dir##*/} != helm3 ]] || flags+=" -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=$(cut -d. -f2 <<<"$kube_version")"
  key=$(module_key "$dir" "$flags" "$@")
  [[ $(cat "$out/.${dir##*/}.key" 2>/dev/null) != "$key" ]] || return 0
  log=$cache/log/build-${dir##*/}-${out##*/}.log
  say "building $names(a cold build takes minutes: $log)"
  (
    cd "$dir"
    export CGO_ENABLED=0 GOWORK=off GOFLAGS=-mod=readonly GOCACHE=${QM_CLUSTER_GOCACHE:-$cache/gocache}
    unset GOMAXPROCS GOGC
    time go build -p "${QM_CLUSTER_JOBS:-$(nproc)}" -trimpath -buildvcs=false -ldflags "$flags" -o "$out/" "$@"
  ) >"$log" 2>&1 || { tail -20 "$log" >&2; die "the build of $names failed"; }
  echo "$key" >"$out/.${dir##*/}.key"
}

module_key() ( # DIR FLAGS PACKAGE...
  cd "$1" || exit
  shift
  # shellcheck disable=SC2038 # our own file names
  { go env GOVERSION GOARCH && echo "$@" && find . -name '*.go' -o -name 'go.*' | sort | xargs cat; } | sha256sum | cut -c1-16
)

# kwok itself knows no behaviour; its module carries the usual one.
kwok_stages() {
  local stages=$cache/kwok-stages.yaml source file
  [[ ! $stages -nt $bin/.extra.key ]] || return 0
  source=$(cd "$here/extra" && GOWORK=off GOFLAGS=-mod=readonly go list -m -f '{{.Dir}}' sigs.k8s.io/kwok)/kustomize/stage
  for file in "$source"/node/fast/node-initialize.yaml "$source"/node/heartbeat-with-lease/node-*.yaml "$source"/pod/fast/pod-*.yaml; do
    echo ---
    cat "$file"
  done >"$stages"
}
