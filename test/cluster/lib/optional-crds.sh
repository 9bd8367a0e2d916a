# shellcheck shell=bash disable=SC2154 # part of ../cluster, which sets what is used here
# Definitions of others that the operator can make use of, out of their own Go
# modules, pinned in ../optional-crds.

install_crds() { # gateway-api|prometheus...
  local set files names
  (($#)) || die "name one of gateway-api, prometheus"
  for set; do
    case $set in
      gateway-api) files=$(module_folder sigs.k8s.io/gateway-api)/config/crd/standard ;;
      prometheus) files=$(module_folder github.com/prometheus-operator/prometheus-operator)/example/prometheus-operator-crd ;;
      *) die "no such definitions: $set (gateway-api, prometheus)" ;;
    esac
    # by the server: client-side apply cannot keep definitions of this size in an annotation
    mapfile -t names < <(kubectl apply --server-side -o name -f "$files" | grep ^customresourcedefinition)
    ((${#names[@]})) || die "$set: nothing was installed"
    kubectl wait --for=condition=Established --timeout=60s "${names[@]}" >/dev/null
    say "$set: ${#names[@]} definitions are installed"
  done
}

module_folder() ( # MODULE
  cd "$here/optional-crds" || exit
  export GOWORK=off GOFLAGS=-mod=readonly
  go mod download "$1" >&2
  folder=$(go list -m -f '{{.Dir}}' "$1")
  [[ -n $folder ]] || die "the module $1 cannot be had"
  echo "$folder"
)
