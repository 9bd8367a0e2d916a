# shellcheck shell=bash disable=SC2154 # part of ../cluster, which sets what is used here
# The node: a network, mount, PID, UTS and IPC namespace with containerd,
# kubelet and kube-proxy, joined to the host by one veth pair. Killing its
# process 1 ends every container and removes every mount, address and nft rule.

node_network() {
  ip link add "qm$number" type veth peer name "qm$number-node"
  ip addr add "$host_ip/24" dev "qm$number"
  ip link set "qm$number" up
}

in_self_node() {
  nsenter -t "$(real_pid node)" -m -n -p -u -i -- env PATH="$bin:/usr/sbin:/usr/bin:/sbin:/bin" "$@"
}

start_in_node() { # COMPONENT COMMAND...
  local component=$1
  shift
  start "$component" nsenter -t "$(real_pid node)" -m -n -p -u -i -- env PATH="$bin:/usr/sbin:/usr/bin:/sbin:/bin" "$@"
}

# kubelet sets these for the whole machine; the last node to go puts them back.
tunables=(vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops kernel.keys.root_maxkeys kernel.keys.root_maxbytes fs.inotify.max_user_instances)

# places fixed in CNI and kubelet; each node mounts its own tmpfs there
node_directories=(/var/lib/cni /var/lib/kubelet)

node_cgroups() {
  local controller dir parent
  for controller in "$cgroups"/*/; do
    [[ -e $controller/cgroup.procs ]] || continue
    parent=$controller
    for dir in "${parent}qm" "${parent}qm/$node_name-$number"; do
      mkdir -p "$dir"
      if [[ $parent == */cpuset/* ]]; then
        cat "$parent/cpuset.cpus" >"$dir/cpuset.cpus"
        cat "$parent/cpuset.mems" >"$dir/cpuset.mems"
      fi
      # All Pods together are a machine beside the programs of this one, not one program among them.
      if [[ $parent == */cpu/* ]]; then echo 8192 >"$dir/cpu.shares"; fi
      parent=$dir
    done
  done
}

# The cgroup folders are also what says that a node is on this machine, whatever
# its cache: two would need twice the memory, and what is timed on them would lie.
claim_node() { # SECONDS
  local end=$((SECONDS + $1)) other
  while true; do
    exec 7</run # a lock on the folder itself leaves no file
    flock 7
    other=$(compgen -G "$cgroups/*/qm/*/" | head -1 | xargs -r basename || true)
    if [[ -z $other ]]; then
      node_cgroups
      exec 7>&-
      return
    fi
    exec 7>&-
    ((SECONDS < end)) || die "a node-level cluster is on this machine already (${other%-node-*}), and there is one at a time: cluster down ${other%-node-*}, or queue with --wait SECONDS (when none is left, remove the empty folders $cgroups/*/qm)"
    sleep 1
  done
}

node_up() {
  local node=$run/node
  mkdir -p "$node"/{containerd,kubelet,pods,cni}
  node_files "$node"
  exec 7</run # a lock on the folder itself leaves no file
  flock 7
  mkdir -p "${node_directories[@]}"
  [[ -f $machine.sysctl ]] || sysctl "${tunables[@]}" >"$machine.sysctl"
  sysctl -qw fs.inotify.max_user_instances=1024
  exec 7>&-

  start node unshare --mount --net --pid --uts --ipc --fork --kill-child --mount-proc --propagation private \
    "$here/lib/node-init.sh" "$node_name" "$bin/pause" /run /var/log "${node_directories[@]}"
  wait_for 10 "node namespaces" eval "[[ \$(cat /proc/\$(real_pid node)/comm) == pause ]]"
  ip link set "qm$number-node" netns "$(real_pid node)" name eth0
  in_self_node sh -ec "ip addr add $node_ip/24 dev eth0; ip link set lo up; ip link set eth0 up
    ip route add default via $host_ip; sysctl -qw net.ipv4.ip_forward=1"
  ip route add "$pod_cidr" via "$node_ip"
  ip route add "$service_cidr" via "$node_ip"

  start_in_node containerd "$bin/containerd" --config "$node/containerd.toml"
  wait_for 30 containerd in_self_node "$bin/ctr" version
  import_images "$cache/images/pause.tar" "$cache/images/coredns.tar"
  start_in_node kubelet "$bin/kubelet" --v=1 --config="$node/kubelet.yaml" --kubeconfig="$run/kubelet.kubeconfig" \
    --root-dir="$node/kubelet" --hostname-override="$node_name" --node-ip="$node_ip"
  start_in_node kube-proxy "$bin/kube-proxy" --v=1 --config="$node/kube-proxy.yaml" --hostname-override="$node_name"
  kubectl apply -f "$node/coredns.yaml" >/dev/null
  wait_for 90 "node registration" kubectl get node "$node_name"
  wait_for 90 "node Ready" kubectl wait --for=condition=Ready "node/$node_name" --timeout=60s
  wait_for 90 CoreDNS kubectl -n kube-system rollout status deployment/coredns --timeout=80s
}

node_down() {
  local component end
  for component in kubelet kube-proxy containerd node; do stop "$component" 0; done
  # a network namespace goes a moment after its last process, and its end of the pair with it
  ip link del "qm$number" 2>/dev/null || true
  end=$((SECONDS + 10))
  until remove_cgroups; do
    ((SECONDS < end)) || { say "cgroups of $name are still busy"; break; }
    sleep 0.2
  done
  # The last node of the machine to go: a cgroup folder qm with nothing in it.
  # Not before: removing a directory would unmount it in another node's mount
  # namespace as well.
  exec 7</run # a lock on the folder itself leaves no file
  flock 7
  if ! compgen -G "$cgroups/*/qm/*/" >/dev/null; then
    rmdir "${node_directories[@]}" "$cgroups"/*/qm 2>/dev/null || true
    if [[ -f $machine.sysctl ]]; then
      sysctl -qp "$machine.sysctl" || true
      rm -f "$machine.sysctl"
    fi
  fi
  exec 7>&-
}

remove_cgroups() {
  local dirs
  dirs=$(compgen -G "$cgroups/*/qm/$node_name-$number") || return 0
  # shellcheck disable=SC2086 # one word each
  find $dirs -depth -type d -exec rmdir {} + 2>/dev/null
}

import_images() {
  local file
  for file in "$@"; do
    in_self_node "$bin/ctr" -n k8s.io images import "$(readlink -f "$file")" >>"$run/log/images.log" 2>&1 || die "import of $file failed: $run/log/images.log"
  done
}
