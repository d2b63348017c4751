# shellcheck shell=bash
# Quiet progress for the scripts of this project: source it, call steps_begin once, then step for
# each piece of work. The terminal gets one line a step with its seconds; everything that a step
# prints goes to the log, and the end of the log is shown when the step fails.

# steps_begin LOG: starts a fresh log.
steps_begin() {
  STEPS_LOG=$1
  mkdir -p "$(dirname "$STEPS_LOG")"
  : >"$STEPS_LOG"
}

# step NAME COMMAND...: runs COMMAND with its output in the log. On failure shows the errors found
# in what it printed, or its end, and returns the command's status. Where COMMAND is a function, what
# fails in it does not end it: bash ignores errexit below a status that is asked for. Each command
# whose failure counts needs its own `|| return`.
step() {
  local name=$1 from status=0 start=${EPOCHREALTIME/./} tenths
  shift
  from=$(($(wc -c <"$STEPS_LOG") + 1))
  if [[ -t 1 ]]; then printf '  %-44s' "$name"; fi
  "$@" >>"$STEPS_LOG" 2>&1 </dev/null || status=$?
  if [[ ! -t 1 ]]; then printf '  %-44s' "$name"; fi
  if ((status == 0)); then
    tenths=$(((${EPOCHREALTIME/./} - start) / 100000))
    printf '%4d.%d s\n' $((tenths / 10)) $((tenths % 10))
    return 0
  fi
  printf 'failed\n\n'
  tail -c "+$from" "$STEPS_LOG" | steps_relevant
  printf '\nfull log: %s\n' "$STEPS_LOG"
  return "$status"
}

# From what a step printed, the first lines that name an error with what follows them, or else the
# last lines.
steps_relevant() {
  local text
  text=$(cat)
  grep -E -m 20 -A 12 '(^|[^a-z_])(error|FAILED|Error|undefined reference|E):? ' <<<"$text" |
    head -n 80 | grep . || tail -n 40 <<<"$text"
}
