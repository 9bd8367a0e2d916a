# shellcheck shell=bash disable=SC2154 # part of ../cluster, which sets what is used here
# Level control's nodes: kwok answers for them, and every pod becomes Ready
# without running.

fake_nodes() {
  # shellcheck disable=SC2086 # several flags
  start kwok "$bin/kwok" --kubeconfig "$run/admin.kubeconfig" --config "${QM_CLUSTER_KWOK_STAGES:-$cache/kwok-stages.yaml}" --manage-all-nodes=false \
    --manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake --node-lease-duration-seconds=40 \
    --server-address "127.0.0.1:$kwok_port" --cidr "$pod_cidr" --node-ip 127.0.0.1 ${QM_CLUSTER_KWOK_ARGS:-}
  ((fake_nodes > 0)) || return 0
  local i
  for ((i = 0; i < fake_nodes; i++)); do
    cat <<YAML
---
apiVersion: v1
kind: Node
metadata:
  name: fake-$i
  annotations: {kwok.x-k8s.io/node: fake}
  labels: {kubernetes.io/hostname: fake-$i, kubernetes.io/os: linux, kubernetes.io/arch: amd64, type: kwok, topology.kubernetes.io/zone: zone-$((i % 3))}
status:
  allocatable: {cpu: "512", memory: 2Ti, ephemeral-storage: 16Ti, pods: "1000"}
  capacity: {cpu: "512", memory: 2Ti, ephemeral-storage: 16Ti, pods: "1000"}
YAML
  done | kubectl apply -f - >/dev/null
  wait_for 30 "fake nodes" kubectl wait --for=condition=Ready node -l type=kwok --timeout=20s
}
