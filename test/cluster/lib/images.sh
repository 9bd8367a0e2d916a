# shellcheck shell=bash disable=SC2154 # part of ../cluster, which sets what is used here
# The images that the node itself needs, made without any image builder.

pause_program() {
  local key
  key=$(sha256sum <"$here/images/pause/pause.c")
  [[ -x $bin/pause && $(cat "$bin/.pause.key" 2>/dev/null) == "$key" ]] && return 0
  gcc -Os -static -s -o "$bin/pause" "$here/images/pause/pause.c"
  echo "$key" >"$bin/.pause.key"
}

# one_file_image NAME BINARY FILE
one_file_image() {
  [[ ! $3 -nt $2 ]] || return 0
  local layer
  layer=$(mktemp -d)
  cp "$2" "$layer/"
  "$here/lib/oci-image.sh" -o "$3" -n "$1" -l "$layer" -- "/$(basename "$2")"
  rm -rf "$layer"
}

system_images() {
  one_file_image "$pause_image" "$bin/pause" "$cache/images/pause.tar"
  one_file_image "$dns_image" "$bin/coredns" "$cache/images/coredns.tar"
}
