#!/usr/bin/env bash
# Fails when clang-format would change a source, or one is longer than 400 lines, and names it;
# with --fix, lays the sources out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mapfile -t files < <(find wrap mp suio async examples tests bench \
  \( -name '*.h' -o -name '*.cc' \) 2>/dev/null | sort)
((${#files[@]})) || exit 0
if [[ ${1-} == --fix ]]; then
  exec clang-format -i "${files[@]}"
fi
long=$(wc -l "${files[@]}" | awk '$1 > 400 && $2 != "total" { print $2 ": " $1 " lines" }')
[[ -z $long ]] || { echo "$long"; exit 1; }
exec clang-format --dry-run -Werror "${files[@]}"
