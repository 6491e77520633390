#!/usr/bin/env bash
# Fails when clang-format would change a source, or one is longer than 400 lines, and names it;
# with --fix, lays the sources out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mapfile -t files < <(find wrap mp suio async examples tests bench tools \
  \( -name '*.h' -o -name '*.cc' \) 2>/dev/null | sort)
((${#files[@]})) || exit 0
if [[ ${1-} == --fix ]]; then
  exec clang-format -i "${files[@]}"
fi
status=0
if ! said=$(printf '%s\0' "${files[@]}" | xargs -0 -n 20 -P "$(nproc)" \
  clang-format --dry-run -Werror 2>&1); then
  sed -n 's/^\([^:]*\):[0-9]*:[0-9]*: error: .*/\1/p' <<<"$said" | sort -u |
    sed 's/$/: not as clang-format lays it out; .\/run format changes it/'
  sed -E '/^( |[^:]+:[0-9]+:[0-9]+: error: )/d' <<<"$said"  # what else was wrong
  status=1
fi
for file in "${files[@]}"; do
  if (($(wc -l <"$file") > 400)); then
    echo "$file: longer than 400 lines"
    status=1
  fi
done
exit $status
