# shellcheck shell=bash disable=SC2154 # part of ../cluster, which sets what is used here
# Level node by kind, where a container engine answers. The control plane then
# is static pods: killing a component takes its manifest away as well, or kubelet
# would start it again at once.

kind_module=sigs.k8s.io/kind@v0.33.0

kind_programs() {
  local program
  for program in kind kubectl helm; do
    [[ ! -e $bin/$program ]] || continue
    if type -P "$program" >/dev/null; then ln -sf "$(type -P "$program")" "$bin/$program"; fi
  done
  if [[ ! -e $bin/kind ]]; then
    say "fetching kind"
    GOBIN=$bin GOFLAGS='' go install "$kind_module" || die "$kind_module cannot be had"
  fi
  [[ -e $bin/helm ]] || go_module extra "$bin" helm.sh/helm/v4/cmd/helm
}

kind() { KIND_EXPERIMENTAL_PROVIDER=$engine "$bin/kind" "$@"; }
kind_node() { echo "qm-$name-control-plane"; }

kind_config() {
  cat <<YAML
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
networking: {serviceSubnet: $service_cidr, podSubnet: $pod_cidr}
nodes:
  - role: control-plane
YAML
  [[ -z $audit ]] || cat <<YAML
    extraMounts:
      - {hostPath: $run/audit, containerPath: /var/log/quaymaster}
      - {hostPath: $here/manifests/audit-policy.yaml, containerPath: /etc/quaymaster/audit-policy.yaml, readOnly: true}
YAML
  cat <<'YAML'
    kubeadmConfigPatches:
      - |
        kind: ClusterConfiguration
        controllerManager:
          extraArgs:
            - {name: kube-api-qps, value: "1000"}
            - {name: kube-api-burst, value: "2000"}
            - {name: concurrent-deployment-syncs, value: "20"}
            - {name: concurrent-replicaset-syncs, value: "20"}
            - {name: concurrent-service-endpoint-syncs, value: "20"}
            - {name: concurrent-serviceaccount-token-syncs, value: "20"}
        scheduler:
          extraArgs:
            - {name: kube-api-qps, value: "1000"}
            - {name: kube-api-burst, value: "2000"}
YAML
  [[ -z $audit ]] || cat <<'YAML'
        apiServer:
          extraArgs:
            - {name: audit-policy-file, value: /etc/quaymaster/audit-policy.yaml}
            - {name: audit-log-path, value: /var/log/quaymaster/audit.log}
            - {name: audit-log-mode, value: blocking}
          extraVolumes:
            - {name: audit-policy, hostPath: /etc/quaymaster, mountPath: /etc/quaymaster, readOnly: true, pathType: Directory}
            - {name: audit-log, hostPath: /var/log/quaymaster, mountPath: /var/log/quaymaster, pathType: Directory}
YAML
}

kind_up() {
  local image=()
  [[ -z ${QM_CLUSTER_KIND_IMAGE:-} ]] || image=(--image "$QM_CLUSTER_KIND_IMAGE")
  kind_config >"$run/kind.yaml"
  kind create cluster --name "qm-$name" --config "$run/kind.yaml" --kubeconfig "$run/admin.kubeconfig" --wait 180s "${image[@]}" \
    >"$run/log/kind.log" 2>&1 || { tail -5 "$run/log/kind.log" >&2; die "kind cannot make a cluster here ($run/log/kind.log); --with self builds one without $engine"; }
  [[ -e $bin/kubectl ]] || "$engine" cp "$(kind_node):/usr/bin/kubectl" "$bin/kubectl" >/dev/null
  kind_routes add
}

# Pods and Services are reached from the host as in a node built here. Who may
# not set a route has the engine do it.
kind_routes() { # add|del
  local address cidr route=(ip route)
  address=$("$engine" inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$(kind_node)" 2>/dev/null) || return 0
  [[ $EUID -eq 0 ]] || route=("$engine" run --rm --privileged --network host --entrypoint ip
    "$("$engine" inspect -f '{{.Config.Image}}' "$(kind_node)")" route)
  for cidr in "$pod_cidr" "$service_cidr"; do "${route[@]}" "$1" "$cidr" via "$address" >/dev/null 2>&1 || true; done
}

kind_gateway() { "$engine" inspect -f '{{range .NetworkSettings.Networks}}{{.Gateway}}{{end}}' "$(kind_node)"; }

kind_down() {
  kind_routes del
  kind delete cluster --name "qm-$name" --kubeconfig "$run/admin.kubeconfig" >/dev/null 2>&1 || say "kind could not delete qm-$name"
}

kind_in_node() { "$engine" exec "$(kind_node)" "$@"; }
kind_static() { case $1 in etcd | kube-apiserver | kube-controller-manager | kube-scheduler) ;; *) return 1 ;; esac; }

kind_kill() { # COMPONENT SIGNAL
  if kind_static "$1" && [[ $2 == KILL || $2 == TERM ]]; then
    kind_in_node sh -c "mkdir -p /etc/quaymaster-stopped && mv /etc/kubernetes/manifests/$1.yaml /etc/quaymaster-stopped/; pkill -$2 -x ${1:0:15}"
  elif [[ $1 == kubelet || $1 == containerd ]]; then
    kind_in_node sh -c "systemctl kill -s $2 $1; case $2 in KILL|TERM) systemctl stop $1;; esac"
  else
    kind_in_node pkill "-$2" -x "${1:0:15}"
  fi
}

kind_restart() { # COMPONENT
  if kind_static "$1"; then
    kind_in_node sh -c "test ! -e /etc/quaymaster-stopped/$1.yaml || mv /etc/quaymaster-stopped/$1.yaml /etc/kubernetes/manifests/; pkill -KILL -x ${1:0:15} || true"
  elif [[ $1 == kubelet || $1 == containerd ]]; then
    kind_in_node systemctl restart "$1"
  fi
  wait_for 120 "API server" api_ready
}

kind_log() { # COMPONENT
  kind_in_node sh -c "cat /var/log/containers/$1-*.log 2>/dev/null || journalctl -u $1 --no-pager" >"$run/log/$1.log"
  echo "$run/log/$1.log"
}
