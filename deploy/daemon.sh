# shellcheck shell=bash
# Starts and stops a firstlightd for the scripts of this project: source it.

# free_ports N: prints N free TCP ports of the loopback interface, one a line.
free_ports() {
  perl -MIO::Socket::INET -e '
    my @held = map {
      IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") or die "no free port: $!\n"
    } 1 .. shift;
    print $_->sockport, "\n" for @held;' "$1"
}

# port_is_free PORT
port_is_free() {
  perl -MIO::Socket::INET -e '
    exit(IO::Socket::INET->new(
      Listen => 1, LocalAddr => "127.0.0.1", LocalPort => shift, ReuseAddr => 1) ? 0 : 1)' "$1"
}

# daemon_start LOG OPTION...: starts build/firstlightd on DAEMON_PORT, DAEMON_ADMIN_PORT and
# DAEMON_METRICS_PORT, which it takes from the free ones where they are not set; sets DAEMON_PID.
# Returns once it is SERVING. Otherwise prints the end of its log and returns 1.
daemon_start() {
  local log=$1 attempt
  shift
  local -a ports
  mapfile -t ports < <(free_ports 3)
  DAEMON_PORT=${DAEMON_PORT:-${ports[0]}}
  DAEMON_ADMIN_PORT=${DAEMON_ADMIN_PORT:-${ports[1]}}
  DAEMON_METRICS_PORT=${DAEMON_METRICS_PORT:-${ports[2]}}

  setsid build/firstlightd --listen "127.0.0.1:$DAEMON_PORT" \
    --admin-listen "127.0.0.1:$DAEMON_ADMIN_PORT" \
    --metrics-listen "127.0.0.1:$DAEMON_METRICS_PORT" "$@" </dev/null >>"$log" 2>&1 &
  DAEMON_PID=$!
  for ((attempt = 0; attempt < 600; ++attempt)); do
    if build/firstlight --address "127.0.0.1:$DAEMON_PORT" health >/dev/null 2>&1; then return 0; fi
    kill -0 "$DAEMON_PID" 2>/dev/null || break
    sleep 0.05
  done
  printf 'firstlightd did not start to serve; its log, %s, ends with\n' "$log" >&2
  tail -n 20 "$log" >&2
  return 1
}

# daemon_stop: asks the daemon to stop and returns its exit status.
daemon_stop() {
  local status=0
  kill -TERM "$DAEMON_PID" 2>/dev/null
  wait "$DAEMON_PID" || status=$?
  unset DAEMON_PID
  return "$status"
}
