# shellcheck shell=bash disable=SC2034,SC2154 # part of ../cluster, which sets what is used here
# One cluster by its name: up, down, and what is asked of it in between. Here
# alone it is known that there are two makers.

open_instance() { # NAME
  name=$1
  [[ $name =~ ^[a-z][a-z0-9-]{0,19}$ ]] || die "a name is a-z, 0-9 and -, 20 characters at most: '$name'"
  run=$cache/run/$name
}

# Programs that kind came with do not mix with ours.
use_maker() { if [[ $1 == kind ]]; then bin=$cache/kind-bin; fi; }

load_instance() { # NAME
  open_instance "$1"
  [[ -f $run/settings ]] || die "no cluster $name"
  # shellcheck disable=SC1091
  . "$run/settings"
  use_maker "$maker"
}

up() {
  local level=control fake=3 audit='' owner=${QM_CLUSTER_OWNER:-} wait=${QM_CLUSTER_WAIT:-0} with='' maker starting=''
  name=default
  while (($#)); do
    case $1 in
      --level) level=$2; shift 2 ;;
      --with) with=$2; shift 2 ;;
      --fake-nodes) fake=$2; shift 2 ;;
      --owner) owner=$2; shift 2 ;;
      --wait) wait=$2; shift 2 ;;
      --audit) audit=1; shift ;;
      -*) die "unknown option $1" ;;
      *) name=$1; shift ;;
    esac
  done
  [[ $level != best ]] || level=$(best_level)
  [[ $level == control || $level == node ]] || die "level is control, node or best"
  maker=$(pick_maker "$level" "$with")
  use_maker "$maker"
  open_instance "$name"
  build "$level" "$maker"
  sweep
  [[ ! -e $run ]] || (down "$name")
  mkdir -p "$run"/{log,pid,pki,etcd,audit}
  trap 'up_failed' EXIT
  trap 'exit 130' INT TERM
  starting=1
  settings "$level" "$maker" "$fake" "$audit" "$owner"
  if [[ $maker == kind ]]; then kind_up; else self_up "$wait"; fi
  trap - EXIT INT TERM
  say "$name is up: level $level, $(maker_words), Kubernetes $(server_version), after $SECONDS s"
}

maker_words() { if [[ $maker == kind ]]; then echo "kind on $engine"; else echo "built here"; fi; }
server_version() { kubectl version 2>/dev/null | sed -n 's/^Server Version: //p'; }

self_up() { # SECONDS to queue for the node
  if [[ $level == node ]]; then
    claim_node "$1"
    node_network
  fi
  (pki)
  control_plane
  if [[ $level == node ]]; then node_up; else fake_nodes; fi
}

# What ran goes, what it said stays.
up_failed() {
  local kept=$cache/log/failed-$name
  trap - EXIT INT TERM
  rm -rf "$kept"
  cp -r "$run/log" "$kept" 2>/dev/null || true
  say "$name did not come up; its logs are in $kept"
  (down "$name") || true
}

# A test run that was killed leaves its cluster behind: nobody waits for it.
sweep() {
  local settings
  for settings in "$cache"/run/*/settings; do
    [[ -f $settings ]] || continue
    (
      # shellcheck source=/dev/null
      . "$settings"
      [[ -n $owner && $(started_at "$owner" || true) != "$owner_start" ]] || exit 0
      say "$name belonged to process $owner, which is gone"
      down "$name"
    )
  done
}

down() { # [NAME|--all]
  local dir component
  if [[ ${1:-} == --all ]]; then
    for dir in "$cache"/run/*/; do [[ ! -d $dir ]] || (down "$(basename "$dir")"); done
    return
  fi
  open_instance "${1:-default}"
  [[ -d $run ]] || return 0
  if [[ -f $run/settings ]]; then
    load_instance "$name"
    if [[ $maker == kind ]]; then kind_down; elif [[ $level == node ]]; then node_down; fi
    # its data goes as well: no reason to be gentle
    for component in mirror kwok kube-scheduler kube-controller-manager kube-apiserver etcd; do stop "$component" 0; done
  fi
  rm -rf "$run"
  say "$name is down"
}

status() { # [NAME]
  load_instance "${1:-default}"
  echo "name $name, level $level, $(maker_words), server $server, state in $run"
  local file pid
  [[ $maker == kind ]] || printf '%-26s %8s %8s %s\n' component pid rss_mib state
  for file in "$run"/pid/*; do
    [[ -e $file ]] || continue
    pid=$(real_pid "$(basename "$file")") || { printf '%-26s %8s %8s %s\n' "$(basename "$file")" - - dead; continue; }
    printf '%-26s %8s %8s %s\n' "$(basename "$file")" "$pid" "$(($(awk '/^VmRSS/{print $2}' "/proc/$pid/status") / 1024))" running
  done
  kubectl get nodes -o wide
}

environment() { # [NAME]
  load_instance "${1:-default}"
  echo "export KUBECONFIG='$run/admin.kubeconfig' QM_CLUSTER_NAME='$name' QM_CLUSTER_LEVEL='$level' QM_CLUSTER_MAKER='$maker'" \
    "QM_CLUSTER_HOST_ADDRESS='$(host_address)' QM_CLUSTER_AUDIT='${audit:+$run/audit/audit.log}' ETCDCTL_ENDPOINTS='http://127.0.0.1:$etcd_port' PATH='$bin':\"\$PATH\""
}

load_images() { # FILE...
  local file
  [[ $level == node ]] || die "level control runs no images"
  if [[ $maker == self ]]; then import_images "$@"; return; fi
  for file in "$@"; do kind load image-archive "$file" --name "qm-$name" >/dev/null; done
}

# Where Pods reach a program of this machine.
host_address() { if [[ $maker == kind && $level == node ]]; then kind_gateway; else echo "$host_ip"; fi; }

# npm and PyPI for Pods, which have no way out: a process beside the cluster, until the cluster goes. Prints its addresses.
mirror() {
  [[ $level == node ]] || die "level control runs no Pods"
  alive mirror >/dev/null || {
    rm -f "$run/log/mirror.log"
    start mirror "$here/../../node_modules/.bin/node" --conditions=quaymaster-source "$here/package-mirror-main.ts" --host "$(host_address)"
  }
  wait_for 60 "the package mirror" grep -q ^pypi "$run/log/mirror.log"
  grep -E '^(npm|pypi) ' "$run/log/mirror.log"
}

in_node() {
  [[ $level == node ]] || die "level control has no real node"
  if [[ $maker == kind ]]; then kind_in_node "$@"; else in_self_node "$@"; fi
}

component_kill() { # COMPONENT SIGNAL
  if [[ $maker == kind ]]; then kind_kill "$1" "$2"; else
    local pid
    pid=$(real_pid "$1") || die "$1 of $name does not run"
    kill "-$2" "$pid"
  fi
}

component_restart() { if [[ $maker == kind ]]; then kind_restart "$1"; else restart "$1"; fi; }
component_log() { if [[ $maker == kind ]]; then kind_log "$1"; else echo "$run/log/$1.log"; fi; }
