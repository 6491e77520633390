#!/usr/bin/env bash
# Fails when clang-format would change a source, naming it; with --fix, changes it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mapfile -t files < <(find wrap mp suio async examples tests bench \
  \( -name '*.h' -o -name '*.cc' \) 2>/dev/null | sort)
((${#files[@]})) || exit 0
if [[ ${1-} == --fix ]]; then
  exec clang-format -i "${files[@]}"
fi
exec clang-format --dry-run -Werror "${files[@]}"
