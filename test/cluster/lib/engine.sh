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

# Level control is always ours: seconds instead of a minute, and several at once.
pick_maker() { # LEVEL [self|kind]
  local asked=${2:-${QM_CLUSTER_WITH:-}}
  case $asked in
    self) echo self ;;
    kind | '')
      if [[ $1 == node ]] && { [[ -n $asked ]] || container_engine >/dev/null; }; then echo kind; else echo self; fi
      ;;
    *) die "--with is self or kind" ;;
  esac
}

# The richest level that this machine allows.
best_level() { if [[ -z $(missing node "$(pick_maker node)") ]]; then echo node; else echo control; fi; }

# Prints all that stands in the way at once, a line each; nothing when ready.
missing() { # LEVEL MAKER
  local need wanted=(flock:util-linux timeout:coreutils)
  if [[ $(uname -s) != Linux ]]; then
    echo "this is $(uname -s): clusters are made on Linux"
    return
  fi
  if [[ $2 == kind ]]; then
    container_engine >/dev/null || echo "a container engine that answers: docker or podman"
    type -P kind >/dev/null || missing_go # kind is a function here as well
  else
    missing_go
    wanted+=(setsid:util-linux openssl:openssl)
    if [[ $1 == node ]]; then
      wanted+=('gcc:the packages gcc and libc6-dev' jq:jq ip:iproute2 sysctl:procps nsenter:util-linux unshare:util-linux)
      [[ $(uname -m) == x86_64 ]] || echo "this is $(uname -m): the images of the node are made for amd64 only"
      [[ $EUID -eq 0 ]] || echo "level node needs root, for namespaces and cgroups"
      [[ ! -e $cgroups/cgroup.controllers ]] || echo "level node knows cgroup v1 only, and this machine has v2: with docker or podman, kind makes it"
    fi
  fi
  for need in "${wanted[@]}"; do
    command -v "${need%%:*}" >/dev/null || echo "${need%%:*} is not on PATH: install ${need#*:}"
  done
}

# From 1.21 on Go fetches the version that go.mod asks for by itself.
missing_go() {
  local version
  if ! command -v go >/dev/null; then
    echo "go is not on PATH: install the package golang-go, 1.21 or newer"
  else
    version=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null) || version=unknown
    if [[ $version =~ ^go1\.([0-9]+) ]] && ((BASH_REMATCH[1] < 21)); then echo "$version is too old: install Go 1.21 or newer"; fi
  fi
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
