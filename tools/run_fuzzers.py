#!/usr/bin/env python3
"""Runs libFuzzer's programs, as many at once as there are CPUs.

usage: tools/run_fuzzers.py [--seconds=N] DIRECTORY CORPUS...

Runs each DIRECTORY/fuzz_NAME for N seconds (60 by default), beginning with the inputs in
each CORPUS/NAME. What it learns is kept in DIRECTORY/corpus/NAME, for the next time, and what breaks
the program as DIRECTORY/found-NAME-*. Ends with the line `N passed, N failed`.
"""
import argparse
import os
import pathlib
import re
import subprocess

from checks import SANITIZERS, count


def fuzz(program, options):
    """Runs one, and prints how many inputs it tried. Returns the end of its output if one broke
    it."""
    name = program.name.removeprefix('fuzz_')
    learnt = options.directory / 'corpus' / name
    seeds = [corpus / name for corpus in options.corpus if (corpus / name).exists()]
    learnt.mkdir(parents=True, exist_ok=True)
    result = subprocess.run(
        [program, f'-max_total_time={options.seconds}', '-max_len=4096', '-timeout=20',
         f'-artifact_prefix={options.directory}/found-{name}-', '-print_final_stats=1',
         learnt, *seeds],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors='replace', env={**SANITIZERS, **os.environ})
    tried = re.search(r'number_of_executed_units: *(\d+)', result.stdout)
    print(f'{name}: {int(tried[1]) if tried else 0:,} inputs', flush=True)
    return '\n'.join(result.stdout.splitlines()[-100:]) if result.returncode != 0 else ''


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split('\n\n')[1][len('usage: '):])
    parser.add_argument('--seconds', type=int, default=60)
    parser.add_argument('directory', type=pathlib.Path)
    parser.add_argument('corpus', type=pathlib.Path, nargs='+')
    options = parser.parse_args()
    programs = sorted(p for p in options.directory.glob('fuzz_*') if os.access(p, os.X_OK))
    if not programs:
        parser.error(f'no fuzz_* in {options.directory}')
    count([(p.name, lambda p=p: fuzz(p, options)) for p in programs])


main()
