# shellcheck shell=bash
# Named checks for tests that are scripts: source it, call check for each, end with checks_end.

checks_passed=0
checks_failed=0

# check WHAT COMMAND...: runs COMMAND in a subshell; shows what it printed when it fails.
check() {
  local what=$1 output
  shift
  if output=$("$@" 2>&1 </dev/null); then
    checks_passed=$((checks_passed + 1))
    printf '  ok      %s\n' "$what"
  else
    checks_failed=$((checks_failed + 1))
    printf '  FAILED  %s\n%s\n' "$what" "$output"
  fi
}

# checks_end: prints the counts; 0 only when something passed and nothing failed.
checks_end() {
  printf '%d passed, %d failed\n' "$checks_passed" "$checks_failed"
  ((checks_passed > 0 && checks_failed == 0))
}

# equal FOUND EXPECTED
equal() { [[ $1 == "$2" ]] || { printf 'expected: %s\nfound: %s\n' "$2" "$1"; return 1; }; }

# at_most FOUND LIMIT
at_most() { (($1 <= $2)) || { printf 'expected at most %d, found %d\n' "$2" "$1"; return 1; }; }

# prints TEXT COMMAND...: COMMAND succeeds and prints TEXT somewhere.
prints() {
  local text=$1 output
  shift
  output=$("$@" 2>&1) || { printf '%s\nexit status %d\n' "$output" $?; return 1; }
  [[ $output == *"$text"* ]] || {
    printf 'expected "%s" in:\n%s\n' "$text" "$(tail -n 20 <<<"$output")"
    return 1
  }
}

# fails_with TEXT COMMAND...: COMMAND fails and prints TEXT somewhere.
fails_with() {
  local text=$1 output
  shift
  if output=$("$@" 2>&1); then printf '%s\nexpected a failure\n' "$output"; return 1; fi
  [[ $output == *"$text"* ]] || {
    printf 'expected "%s" in:\n%s\n' "$text" "$(tail -n 20 <<<"$output")"
    return 1
  }
}

# lacks TEXT COMMAND...: COMMAND prints TEXT nowhere; shows what it printed.
lacks() {
  local text=$1 output
  shift
  output=$("$@" 2>&1) || true
  printf '%s\n' "$output"
  [[ $output != *"$text"* ]]
}

# eventually COMMAND...: COMMAND succeeds within half a minute of tries.
eventually() {
  local attempt
  for ((attempt = 0; attempt < 150; ++attempt)); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.2
  done
  "$@"
}
