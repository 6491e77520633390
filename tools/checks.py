"""What the checking tools share: the place of the repository, the compiler, and how they count."""
import concurrent.futures
import os
import pathlib
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMPILE = [*shlex.split(os.environ.get('CXX', 'g++')), '-std=c++20', '-pthread', '-Wall', '-Wextra',
           '-Wpedantic', '-Werror', '-fsyntax-only', '-I.']


# What the sanitizers are asked for; the caller's environment has the last word.
SANITIZERS = {
    'ASAN_OPTIONS': 'detect_stack_use_after_return=1:strict_string_checks=1',
    'UBSAN_OPTIONS': 'print_stacktrace=1',
    'TSAN_OPTIONS': 'second_deadlock_stack=1',
}


def compile_only(arguments, source=None):
    """Checks one program without building it. Returns (accepted, the compiler's messages)."""
    done = subprocess.run([*COMPILE, *arguments], cwd=ROOT, input=source, text=True, timeout=300,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode == 0, done.stdout


def count(checks):
    """Runs (name, function) pairs, as many at once as there are CPUs, prints the text of each
    function that returns some, ends with the line `N passed, N failed`, and exits accordingly."""
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for (name, _), trouble in zip(checks, pool.map(lambda check: check[1](), checks)):
            if trouble:
                failed += 1
                print(f'FAILED {name}\n{trouble.rstrip()}\n')
            else:
                passed += 1
    print(f'{passed} passed, {failed} failed')
    sys.exit(1 if failed else 0)
