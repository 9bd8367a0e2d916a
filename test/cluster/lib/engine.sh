# shellcheck shell=bash disable=SC2154 # part of ../cluster, which sets what is used here
# Who makes the cluster: kind, where a container engine answers, or we
# ourselves. And what a machine lacks for either.

# Prints docker or podman when its daemon answers; the client alone is no engine.
container_engine() {
  local engine
  for engine in docker podman; do
    if command -v "$engine" >/dev/null && timeout 10 "$engine" info >/dev/null 2>&1; then
      echo "$engine"
      return 0
    fi
  done
  return 1
}

# Level control is ours wherever it can be: seconds instead of a minute, and
# several at once. Elsewhere than on Linux it is kind with fake nodes.
pick_maker() { # LEVEL [self|kind]
  local asked=${2:-${QM_CLUSTER_WITH:-}}
  case $asked in
    self | kind) echo "$asked" ;;
    '')
      if [[ $(uname -s) == Linux && $1 == control ]]; then echo self
      elif container_engine >/dev/null; then echo kind
      else echo self; fi
      ;;
    *) die "--with is self or kind" ;;
  esac
}

# The richest level that this machine allows.
best_level() { if [[ -z $(missing node "$(pick_maker node)") ]]; then echo node; else echo control; fi; }

# Prints all that stands in the way at once, a line each; nothing when ready.
missing() { # LEVEL MAKER
  local need wanted=('go:the package golang-go, or Go itself; the version is in test/cluster/kube/go.mod')
  if [[ $2 == kind ]]; then
    container_engine >/dev/null || echo "a container engine that answers: docker or podman"
    command -v kind >/dev/null || command -v go >/dev/null || echo "kind is not on PATH, and Go, which would fetch it, is not either"
    [[ $(uname -s) == Linux ]] || command -v kubectl >/dev/null || echo "kubectl is not on PATH"
    return
  fi
  if [[ $(uname -s) != Linux ]]; then
    echo "this is $(uname -s): without a container engine a cluster needs Linux"
    return
  fi
  wanted+=(flock:util-linux setsid:util-linux openssl:openssl)
  if [[ $1 == node ]]; then
    wanted+=('gcc:the packages gcc and libc6-dev' jq:jq ip:iproute2 sysctl:procps nsenter:util-linux unshare:util-linux)
    [[ $(uname -m) == x86_64 ]] || echo "this is $(uname -m): the images of the node are made for amd64 only"
    [[ $EUID -eq 0 ]] || echo "level node needs root, for namespaces and cgroups"
    [[ ! -e $cgroups/cgroup.controllers ]] || echo "level node knows cgroup v1 only, and this machine has v2: with docker or podman, kind makes it"
  fi
  for need in "${wanted[@]}"; do
    command -v "${need%%:*}" >/dev/null || echo "${need%%:*} is not on PATH: install ${need#*:}"
  done
}

requirements() { # LEVEL MAKER
  local list
  list=$(missing "$1" "$2")
  [[ -z $list ]] || die "level $1 cannot be had here:"$'\n'"  ${list//$'\n'/$'\n'  }"
}

missing_for() { # [--level LEVEL]
  local level=control
  [[ ${1:-} != --level ]] || level=$2
  missing "$level" "$(pick_maker "$level")"
}
