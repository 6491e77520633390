# shellcheck shell=bash
# Sourced by ./run and .ci/run: runs steps one after the other, whatever becomes of each, and adds
# up what they counted. A step that ends with a line `N passed, N failed` has counted; any other
# counts as one, by its exit status.

steps_passed=0
steps_failed=0
steps_wrong=()

# step LIMIT NAME COMMAND...: runs COMMAND without input, for at most LIMIT seconds.
step() {
  local limit=$1 name=$2 begin=$SECONDS log last running status passed=0 failed=0
  shift 2
  printf '\n== %s\n' "$name"
  # Through a file, not a pipe: what a step leaves running by mistake cannot keep us waiting.
  log=$(mktemp)
  timeout --kill-after=10 "$limit" "$@" </dev/null >"$log" 2>&1 &
  running=$!
  # shellcheck disable=SC2064 # the process of now
  trap "kill $running; exit 130" INT TERM
  tail -n +1 -f -s 0.2 --pid=$running "$log" || true
  wait "$running" && status=0 || status=$?
  trap - INT TERM
  last=$(tail -n 1 "$log")
  rm -f "$log"
  if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    passed=${BASH_REMATCH[1]} failed=${BASH_REMATCH[2]}
  elif ((status == 0)); then
    passed=1
  fi
  if ((status != 0 && failed == 0)); then failed=1; fi
  ((status != 124 && status != 137)) || echo "stopped after $limit seconds"
  ((steps_passed += passed, steps_failed += failed)) || true
  ((failed == 0)) || steps_wrong+=("$name")
  printf '== %s: %d s\n' "$name" $((SECONDS - begin))
}

# Like step, for what others need: success counts for nothing, failure as one.
prepare() {
  local before=$steps_passed
  step "$@"
  steps_passed=$before
}

# at_once FUNCTION...: runs functions, each of which runs steps, at the same time, and shows what
# each has printed, one after the other.
at_once() {
  local function log running=() logs=() passed failed wrong
  for function in "$@"; do
    log=$(mktemp)
    logs+=("$log")
    (
      steps_passed=0 steps_failed=0 steps_wrong=()
      "$function"
      printf '%s\n' $steps_passed $steps_failed "${steps_wrong[@]}" >"$log.counts"
    ) >"$log" 2>&1 &
    running+=($!)
  done
  # shellcheck disable=SC2064 # the processes of now
  trap "kill ${running[*]}; exit 130" INT TERM
  for log in "${logs[@]}"; do
    tail -n +1 -f -s 0.2 --pid="${running[0]}" "$log" || true
    running=("${running[@]:1}")
    passed=0 failed=1 wrong=("steps that did not come to their end")
    [[ ! -e $log.counts ]] || { read -r passed; read -r failed; mapfile -t wrong; } <"$log.counts"
    ((steps_passed += passed, steps_failed += failed)) || true
    steps_wrong+=("${wrong[@]}")
    rm -f "$log" "$log.counts"
  done
  trap - INT TERM
  wait
}

# Names the steps that failed, ends with the line `N passed, N failed`, and returns 1 on a failure.
steps_end() {
  echo
  local name
  for name in "${steps_wrong[@]}"; do echo "failed: $name"; done
  if ((steps_passed + steps_failed == 0)); then
    echo "failed: there was nothing to do"
    steps_failed=1
  fi
  echo "$steps_passed passed, $steps_failed failed"
  ((steps_failed == 0))
}
