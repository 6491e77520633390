#!/usr/bin/env python3
"""Runs GoogleTest programs and counts what passed.

usage: tools/run_tests.py [--timeout=SECONDS] [--seed=N] DIRECTORY GROUP...

Runs DIRECTORY/GROUP_test for each GROUP, keeps its output in DIRECTORY/GROUP.log, and shows from
it only what failed. A test that was running when its program died or was stopped has failed. Ends
with the line `N passed, N failed`.
"""
import argparse
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

SANITIZERS = {
    'ASAN_OPTIONS': 'detect_stack_use_after_return=1:strict_string_checks=1',
    'UBSAN_OPTIONS': 'print_stacktrace=1',
    'TSAN_OPTIONS': 'second_deadlock_stack=1',
}
RESULT = re.compile(r'^\[ {2}(?:     OK|FAILED |SKIPPED) \] (\S+?)(?:, where .*)? \(\d+ ms\)$')


def fixed_addresses(directory):
    """A prefix that makes the kernel place memory where ThreadSanitizer expects it."""
    prefix = ['setarch', '-R']
    if 'thread' not in directory.parts[-2] or not shutil.which('setarch'):
        return []
    works = subprocess.run([*prefix, 'true'], stderr=subprocess.DEVNULL).returncode == 0
    return prefix if works else []


def run(command, log, limit):
    """Runs command, in a session of its own, into log. Returns its status, or None if stopped."""
    with open(log, 'w') as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=subprocess.STDOUT, start_new_session=True,
                                   env={**SANITIZERS, **os.environ})
        try:
            status = process.wait(limit)
        except subprocess.TimeoutExpired:
            status = None
        try:
            os.killpg(process.pid, signal.SIGKILL)  # it, or what it left behind
        except ProcessLookupError:
            pass
        process.wait()
    return status


def read(log):
    """The tests in a log, as lists of names (passed, failed, skipped), and the text of those that
    failed or never ended."""
    passed, failed, skipped, shown = [], [], [], []
    current, text = None, []
    for line in log.read_text(errors='replace').splitlines():
        if line.startswith('[ RUN      ] '):
            current, text = line[13:], [line]
            continue
        text.append(line)
        if current and (result := RESULT.match(line)) and result[1] == current:
            if 'OK ]' in line:
                passed.append(current)
            elif 'SKIPPED ]' in line:
                skipped.append(current)
            else:
                failed.append(current)
                shown += text
            current, text = None, []
    if current:
        failed.append(current)
    return passed, failed, skipped, shown + text if current else shown


def run_group(directory, group, options):
    """Runs one program and prints how it went. Returns the numbers that passed and failed."""
    program, log = directory / f'{group}_test', directory / f'{group}.log'
    if not program.exists():
        print(f'{group}: not built')
        return 0, 1
    command = [*fixed_addresses(directory), str(program), '--gtest_color=no']
    if options.seed is not None:
        command.append(f'--seed={options.seed}')
    start = time.monotonic()
    status = run(command, log, options.timeout)
    passed, failed, skipped, shown = read(log)
    if status is None:
        ending = f', stopped after {options.timeout} seconds'
    elif status < 0:
        ending = f', killed by {signal.Signals(-status).name}'
    else:
        ending = f', exit status {status}' if status else ''
    if (status != 0 and not failed) or not passed + failed + skipped:
        failed.append('the program itself')
        shown = log.read_text(errors='replace').splitlines()
    seed = re.search(r'^seed: (\d+)$', log.read_text(errors='replace'), re.MULTILINE)
    print(f'{group}: {len(passed)} passed, {len(failed)} failed'
          + (f', {len(skipped)} skipped' if skipped else '')
          + f' in {time.monotonic() - start:.1f} s'
          + (f', seed {seed[1]}' if seed else '') + ending, flush=True)
    if failed:
        print('', *shown[-200:], '', *(f'failed: {group}: {name}' for name in failed), sep='\n    ')
    for name in skipped:
        print(f'    skipped: {name}')
    return len(passed), len(failed)


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split('\n\n')[1][len('usage: '):])
    parser.add_argument('--timeout', type=int, default=600)
    parser.add_argument('--seed')
    parser.add_argument('directory', type=pathlib.Path)
    parser.add_argument('groups', nargs='+')
    options = parser.parse_args()
    counts = [run_group(options.directory, group, options) for group in options.groups]
    passed, failed = map(sum, zip(*counts))
    print(f'{passed} passed, {failed} failed')
    sys.exit(1 if failed else 0)


main()
