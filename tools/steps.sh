# shellcheck shell=bash
# Sourced by ./run and .ci/run: runs steps one after the other, whatever becomes of each, and adds
# up what they counted. A step that ends with a line `N passed, N failed` has counted; any other
# counts as one, by its exit status.

steps_passed=0
steps_failed=0
steps_wrong=()

# step LIMIT NAME COMMAND...: runs COMMAND without input, for at most LIMIT seconds.
step() {
  local limit=$1 name=$2 log last status passed=0 failed=0
  shift 2
  printf '\n== %s\n' "$name"
  log=$(mktemp)
  timeout --kill-after=10 "$limit" "$@" </dev/null 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
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
