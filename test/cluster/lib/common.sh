# shellcheck shell=bash disable=SC2034,SC2154 # part of ../cluster, whose other parts set and use what is here
# Names and places that every part uses, and how it speaks.

cache=${QM_CLUSTER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/quaymaster/cluster}
version_in() { sed -nE "s|^(require)?\s*$2 (v[0-9.]+).*|\2|p" "$here/$1/go.mod"; } # MODULE PATH
kube_version=$(version_in kube k8s.io/kubernetes)
containerd_version=$(version_in runtime github.com/containerd/containerd/v2)
pause_image=quaymaster.local/pause:1
dns_image=quaymaster.local/coredns:1
cgroups=/sys/fs/cgroup
# the machine's own, whatever the cache: see node_up and node_down
machine=/run/quaymaster-cluster
bin=$cache/bin
# every component's share of the processors; a larger machine may raise it
export GOMAXPROCS=${GOMAXPROCS:-2}
# memory for time: a third less processor time under load, half as much memory again
export GOGC=${GOGC:-200}

say() { printf '%s cluster: %s\n' "$(date +%T)" "$*" >&2; }
die() { say "$*"; exit 1; }

# wait_for SECONDS WHAT COMMAND...
wait_for() {
  local limit=$1 what=$2 end
  shift 2
  end=$((SECONDS + limit))
  until "$@" >/dev/null 2>&1; do
    [[ -z ${starting:-} ]] || no_dead_component
    ((SECONDS < end)) || die "$what: not there after $limit s (logs: $run/log)"
    sleep 0.2
  done
}

# While a cluster starts nothing may end: waiting on would only hide why.
no_dead_component() {
  local file component
  for file in "$run"/pid/*; do
    [[ -e $file ]] || continue
    component=${file##*/}
    alive "$component" >/dev/null || die "$component ended: $(grep -v '^ *$' "$run/log/$component.log" | tail -1 | cut -c1-400)"
  done
}

kubectl() { "$bin/kubectl" --kubeconfig "$run/admin.kubeconfig" "$@"; }
