# shellcheck shell=bash disable=SC2154 # part of ../cluster, which sets what is used here
# Processes of an instance. Each is recorded as "PID START COMMAND...", START
# being its start time in /proc, so that a pid given to someone else later is
# never signalled.

started_at() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

# start COMPONENT COMMAND...
start() {
  local component=$1 pid
  shift
  printf '%q ' "$@" >"$run/pid/.$component.command"
  setsid nohup "$@" >>"$run/log/$component.log" 2>&1 </dev/null &
  pid=$!
  disown # or bash reports its end
  echo "$pid $(started_at $pid)" >"$run/pid/$component"
}

alive() { # COMPONENT -> its recorded pid
  local pid began
  [[ -f $run/pid/$1 ]] && read -r pid began <"$run/pid/$1" || return 1
  [[ $(started_at "$pid") == "$began" && $(sed 's/.*) //' "/proc/$pid/stat" | cut -c1) != Z ]] || return 1
  echo "$pid"
}

# In a PID namespace the recorded pid is nsenter's (or unshare's): its child
# is the component.
real_pid() {
  local pid
  pid=$(alive "$1") || return 1
  case $(cat "/proc/$pid/comm") in
    nsenter | unshare) cut -d' ' -f1 "/proc/$pid/task/$pid/children" | grep . ;;
    *) echo "$pid" ;;
  esac
}

# stop COMPONENT [SECONDS]: TERM, then KILL; 0 seconds: KILL
stop() {
  local pid outer limit=${2:-10} end
  if outer=$(alive "$1"); then
    pid=$(real_pid "$1") || pid=$outer
    if ((limit > 0)); then
      kill "$pid" 2>/dev/null || true
      end=$((SECONDS + limit))
      while alive "$1" >/dev/null && ((SECONDS < end)); do sleep 0.1; done
    fi
    # nsenter and unshare end with what they run
    end=$((SECONDS + 20))
    while alive "$1" >/dev/null; do
      ((SECONDS < end)) || die "$1 (pid $pid) does not end"
      kill -KILL "$pid" 2>/dev/null || true
      sleep 0.05
    done
  fi
  rm -f "$run/pid/$1"
}

# As it was started, with the flags of that time; returns when it serves.
restart() {
  local command
  [[ -f $run/pid/.$1.command ]] || die "$name has no component $1"
  command=$(cat "$run/pid/.$1.command")
  stop "$1"
  eval "start $1 $command"
  case $1 in
    kube-apiserver) wait_for 90 "API server" api_ready ;;
    etcd) wait_for 60 etcd "$bin/etcdctl" --endpoints "http://127.0.0.1:$etcd_port" endpoint health ;;
    *) ;;
  esac
}
