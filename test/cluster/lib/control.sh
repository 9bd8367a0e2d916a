# shellcheck shell=bash disable=SC2154 # part of ../cluster, which sets what is used here
# The control plane: etcd, kube-apiserver, kube-controller-manager and
# kube-scheduler. The last two get the client rates and workers that a thousand
# Deployments need; with the defaults those take minutes.

control_plane() {
  start_etcd
  start_api_server
  wait_for 90 "API server" api_ready
  start_controllers
  wait_for 60 "default ServiceAccount" kubectl -n default get serviceaccount default
}

api_ready() { kubectl get --raw /readyz; }

start_etcd() {
  local etcd=http://127.0.0.1:$etcd_port peer=http://127.0.0.1:$etcd_peer_port
  # no fsync: right for kill -9 of a process, wrong for a crash of the machine
  # shellcheck disable=SC2086 # several flags
  start etcd "$bin/etcd" --name "$name" --data-dir "$run/etcd" --listen-client-urls "$etcd" --advertise-client-urls "$etcd" \
    --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "$name=$peer" \
    --auto-compaction-retention=1 --quota-backend-bytes=4294967296 --unsafe-no-fsync --log-level warn ${QM_CLUSTER_ETCD_ARGS:-}
}

start_api_server() {
  local pki=$run/pki more=()
  # without a node nothing can use the endpoint of the kubernetes Service
  [[ $level == node ]] || more+=(--endpoint-reconciler-type=none)
  # blocking: an answered request is in the file
  [[ -z $audit ]] || more+=(--audit-policy-file="$here/manifests/audit-policy.yaml" --audit-log-path="$run/audit/audit.log"
    --audit-log-mode=blocking --audit-log-maxsize=1000)
  # shellcheck disable=SC2086 # several flags
  start kube-apiserver "$bin/kube-apiserver" --v=1 --etcd-servers="http://127.0.0.1:$etcd_port" --bind-address="$host_ip" \
    --advertise-address="$host_ip" --secure-port="$api_port" --service-cluster-ip-range="$service_cidr" \
    --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" --client-ca-file="$pki/ca.crt" \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    --service-account-key-file="$pki/sa.pub" --service-account-signing-key-file="$pki/sa.key" \
    --kubelet-certificate-authority="$pki/ca.crt" --kubelet-client-certificate="$pki/apiserver-kubelet.crt" \
    --kubelet-client-key="$pki/apiserver-kubelet.key" --kubelet-preferred-address-types=InternalIP \
    --requestheader-client-ca-file="$pki/front-proxy-ca.crt" --requestheader-allowed-names=front-proxy-client \
    --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
    --requestheader-extra-headers-prefix=X-Remote-Extra- \
    --proxy-client-cert-file="$pki/front-proxy.crt" --proxy-client-key-file="$pki/front-proxy.key" \
    "${more[@]}" ${QM_CLUSTER_APISERVER_ARGS:-}
}

start_controllers() {
  local pki=$run/pki controllers='*'
  # Endpoints are deprecated and nothing reads them here: two writes less for every Service.
  [[ $level == node ]] || controllers='*,-endpoints-controller,-endpointslice-mirroring-controller'
  # shellcheck disable=SC2086 # several flags
  start kube-controller-manager "$bin/kube-controller-manager" --v=1 --kubeconfig="$run/controller-manager.kubeconfig" --secure-port=0 \
    --leader-elect=false --use-service-account-credentials --service-account-private-key-file="$pki/sa.key" --root-ca-file="$pki/ca.crt" \
    --cluster-signing-cert-file="$pki/ca.crt" --cluster-signing-key-file="$pki/ca.key" \
    --controllers="$controllers" --kube-api-qps=1000 --kube-api-burst=2000 --concurrent-deployment-syncs=20 --concurrent-replicaset-syncs=20 \
    --concurrent-service-endpoint-syncs=20 --concurrent-endpoint-syncs=20 --concurrent-serviceaccount-token-syncs=20 \
    --concurrent-gc-syncs=40 --concurrent-namespace-syncs=20 ${QM_CLUSTER_CONTROLLER_MANAGER_ARGS:-}
  # shellcheck disable=SC2086 # several flags
  start kube-scheduler "$bin/kube-scheduler" --v=1 --kubeconfig="$run/scheduler.kubeconfig" --secure-port=0 --leader-elect=false \
    --kube-api-qps=1000 --kube-api-burst=2000 ${QM_CLUSTER_SCHEDULER_ARGS:-}
}
