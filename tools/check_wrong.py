#!/usr/bin/env python3
"""Checks that wrong programs do not compile, and that the compiler says why.

usage: tools/check_wrong.py [GROUP...]

Each tests/GROUP/wrong/*.cc begins with a line `// error: REGEX`, which one of the compiler's own
error lines has to match. The CXX in the environment is used, g++ otherwise.
"""
import re
import sys

import checks


def trouble_with(path):
    """What is wrong with how `path` fails to compile; empty if nothing is."""
    first = path.read_text().partition('\n')[0]
    if not (expected := re.match(r'// error: (.+)', first)):
        return 'its first line is not `// error: REGEX`'
    accepted, messages = checks.compile_only([str(path.relative_to(checks.ROOT))])
    if accepted:
        return 'it compiles'
    errors = [line for line in messages.splitlines() if 'error:' in line]
    if not any(re.search(expected[1], line) for line in errors):
        return f'no error matches {expected[1]!r}:\n{messages}'
    return ''


groups = sys.argv[1:] or ['*']
programs = sorted(path for group in groups
                  for path in checks.ROOT.glob(f'tests/{group}/wrong/*.cc'))
checks.count([(str(path.relative_to(checks.ROOT)), lambda path=path: trouble_with(path))
              for path in programs])
