#!/usr/bin/env python3
"""Runs libFuzzer's programs, as many at once as there are CPUs.

usage: tools/run_fuzzers.py [--seconds=N] DIRECTORY CORPUS

Runs each DIRECTORY/fuzz_NAME for N seconds (60 by default), beginning with the inputs in
CORPUS/NAME. What it learns is kept in DIRECTORY/corpus/NAME, for the next time, and what breaks the
program as DIRECTORY/found-NAME-*. Ends with the line `N passed, N failed`.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

SANITIZERS = {'ASAN_OPTIONS': 'strict_string_checks=1', 'UBSAN_OPTIONS': 'print_stacktrace=1'}


def fuzz(program, options):
    """Runs one. Returns its name, whether nothing broke, and what it printed."""
    name = program.name.removeprefix('fuzz_')
    learnt, seeds = options.directory / 'corpus' / name, options.corpus / name
    learnt.mkdir(parents=True, exist_ok=True)
    result = subprocess.run(
        [program, f'-max_total_time={options.seconds}', '-max_len=4096', '-timeout=20',
         f'-artifact_prefix={options.directory}/found-{name}-', '-print_final_stats=1',
         learnt, *([seeds] if seeds.exists() else [])],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors='replace', env={**SANITIZERS, **os.environ})
    return name, result.returncode == 0, result.stdout


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split('\n\n')[1][len('usage: '):])
    parser.add_argument('--seconds', type=int, default=60)
    parser.add_argument('directory', type=pathlib.Path)
    parser.add_argument('corpus', type=pathlib.Path)
    options = parser.parse_args()
    programs = sorted(p for p in options.directory.glob('fuzz_*') if os.access(p, os.X_OK))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for name, good, text in pool.map(lambda p: fuzz(p, options), programs):
            runs = re.search(r'number_of_executed_units: *(\d+)', text)
            print(f'{name}: {int(runs[1]) if runs else 0:,} inputs' + ('' if good else ', FAILED'),
                  flush=True)
            if not good:
                failed += 1
                print('', *text.splitlines()[-100:], sep='\n    ')
    print(f'{len(programs) - failed} passed, {failed} failed')
    sys.exit(1 if failed or not programs else 0)


main()
