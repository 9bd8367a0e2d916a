# shellcheck shell=bash disable=SC2154 # part of ../cluster, which sets what is used here
# runc and nft, the two programs that are no Go modules: the machine's own, or
# unpacked from its own package sources. Nothing is installed, and its package
# lists stay as they are.

# runc needs C libraries and nft has no Go source, so they are the machine's
# own; where it has none, its own package sources have them.
machine_programs() {
  local program path file key missing=() root=$cache/packages
  # not the links and wrappers made here, which `cluster env` puts on PATH
  path=$(tr : '\n' <<<"$PATH:/usr/sbin:/sbin" | grep -vxF "$bin" | paste -sd:)
  declare -A package=([runc]=runc [nft]=nftables)
  for program in runc nft; do
    if file=$(PATH=$path command -v "$program"); then ln -sf "$file" "$bin/$program"; else missing+=("$program"); fi
  done
  if ((${#missing[@]})); then
    key="${missing[*]} $(. /etc/os-release 2>/dev/null && echo "${ID:-} ${VERSION_ID:-}")"
    [[ $(cat "$root/.key" 2>/dev/null) == "$key" ]] || {
      # shellcheck disable=SC2046 # one word each
      unpack_packages "$root" $(for program in "${missing[@]}"; do echo "${package[$program]}"; done)
      echo "$key" >"$root/.key"
    }
    for program in "${missing[@]}"; do wrap "$root" "$program"; done
  fi
  for program in runc nft; do
    "$bin/$program" --version >/dev/null 2>&1 ||
      die "$program does not run: $("$bin/$program" --version 2>&1 | head -1); install the package ${package[$program]}"
  done
}

# unpack_packages ROOT PACKAGE...: each with the libraries the machine lacks
unpack_packages() {
  local root=$1 apt=$cache/apt file log=$cache/log/packages.log
  shift
  { command -v apt-get && command -v dpkg-deb; } >/dev/null ||
    die "this machine has neither the packages $* nor apt-get to unpack them with: install $*"
  say "unpacking $* from the machine's own package sources"
  rm -rf "$root" "$apt"
  mkdir -p "$root" "$apt"/{lists/partial,cache/archives/partial}
  apt_private() { apt-get -y -o Dir::Cache="$apt/cache" -o Debug::NoLocking=true -o Acquire::Languages=none -o APT::Sandbox::User=root "$@"; }
  download() { apt_private "$@" install --download-only --no-install-recommends "${packages[@]}" >>"$log" 2>&1; }
  local packages=("$@")
  : >"$log"
  # with the package lists as they are; when they are empty or old, with fresh
  # ones of our own, where one source out of reach does not matter
  download || {
    apt_private -o Dir::State::lists="$apt/lists" update >>"$log" 2>&1 || true
    download -o Dir::State::lists="$apt/lists"
  } || die "no package source of this machine gives $* ($log): install the packages $*"
  for file in "$apt"/cache/archives/*.deb; do dpkg-deb -x "$file" "$root"; done
  rm -rf "$apt"
}

# wrap ROOT PROGRAM: an unpacked program, with its unpacked libraries
wrap() {
  local file libraries
  file=$(find "$1" -type f -path "*bin/$2" | head -1)
  [[ -n $file ]] || die "the unpacked packages hold no $2: $1"
  libraries=$(find "$1" -name '*.so.*' -printf '%h\n' | sort -u | paste -sd:)
  rm -f "$bin/$2"
  if [[ $2 == runc ]]; then
    # it starts itself again without our environment
    ln -s "$file" "$bin/$2"
  else
    printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s "$@"\n' "$libraries" "$file" >"$bin/$2"
    chmod +x "$bin/$2"
  fi
}
