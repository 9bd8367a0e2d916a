# shellcheck shell=bash disable=SC2154 # part of ../cluster, which sets what is used here
# The settings of an instance: a free number N, from which ports, addresses and
# the names of network devices follow, so that instances never meet.

free_port() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Each cache begins elsewhere, since its lock keeps only its own instances apart.
free_number() {
  local taken i n port begin
  taken=" $({ cat "$cache"/run/*/settings 2>/dev/null || true; } | sed -n 's/^number=//p' | tr '\n' ' ') "
  begin=$(($(cksum <<<"$cache" | cut -d' ' -f1) % 20 * 10))
  for ((i = 0; i < 200; i++)); do
    n=$(((begin + i) % 200))
    [[ $taken != *" $n "* ]] || continue
    for port in 0 1 2 3; do free_port $((21000 + n * 10 + port)) || continue 2; done
    echo "$n"
    return
  done
  die "no free number"
}

# Addresses of level control are routed nowhere, so all instances share wide
# ranges: a /16 of Services, room for thousands of fake pods. Those of level node
# lead somewhere on this machine and follow the number.
addresses() { # LEVEL N
  if [[ $1 == control ]]; then
    echo "host_ip=127.0.0.1
server=https://127.0.0.1:$((21002 + $2 * 10))
pod_cidr=10.64.0.0/12
service_cidr=10.96.0.0/16
api_service_ip=10.96.0.1
dns_ip=10.96.0.10"
  else
    local services=10.$((208 + $2 / 16)).$(($2 % 16 * 16))
    echo "host_ip=10.200.$2.1
server=https://10.200.$2.1:$((21002 + $2 * 10))
node_ip=10.200.$2.2
pod_cidr=10.201.$2.0/24
service_cidr=$services.0/20
api_service_ip=$services.1
dns_ip=$services.10"
  fi
}

settings() { # LEVEL MAKER FAKE_NODES AUDIT OWNER
  exec 8>"$cache/.settings.lock"
  flock 8
  local n owner_start=''
  n=$(free_number)
  [[ -z $5 ]] || owner_start=$(started_at "$5")
  cat >"$run/settings" <<SETTINGS
name=$name
level=$1
maker=$2
engine=$([[ $2 == self ]] || container_engine)
fake_nodes=$3
audit=$4
owner=$5
owner_start=$owner_start
number=$n
etcd_port=$((21000 + n * 10))
etcd_peer_port=$((21001 + n * 10))
kwok_port=$((21003 + n * 10))
api_port=$((21002 + n * 10))
node_name=$name-node
$(addresses "$1" "$n")
SETTINGS
  exec 8>&-
  # shellcheck disable=SC1091
  . "$run/settings"
}
