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

say() { printf '%s cluster: %s\n' "$(date +%T)" "$*" >&2; }
die() { say "$*"; exit 1; }

# wait_for SECONDS WHAT COMMAND...
wait_for() {
  local limit=$1 what=$2 end
  shift 2
  end=$((SECONDS + limit))
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < end)) || die "$what: not there after $limit s (logs: $run/log)"
    sleep 0.2
  done
}

kubectl() { "$bin/kubectl" --kubeconfig "$run/admin.kubeconfig" "$@"; }
