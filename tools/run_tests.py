#!/usr/bin/env python3
"""Runs GoogleTest programs and counts what passed.

usage: tools/run_tests.py [--timeout=SECONDS] [--seed=N] DIRECTORY GROUP...

Runs DIRECTORY/GROUP_test for each GROUP: two processes for each CPU, since tests wait much, each
with a share of them. Keeps the output in DIRECTORY/GROUP.N.log, and shows from it only what failed.
A test that was running when its program died or was stopped has failed. Ends with the line
`N passed, N failed`.
"""
import argparse
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import time

from checks import SANITIZERS

RESULT = re.compile(r'^\[ {2}(?:     OK|FAILED |SKIPPED) \] (\S+?)(?:, where .*)? \(\d+ ms\)$')


def fixed_addresses(directory):
    """A prefix that makes the kernel place memory where ThreadSanitizer expects it."""
    prefix = ['setarch', '-R']
    if not {'thread', 'colors'} & set(directory.parts[-2].split('-')) or not shutil.which('setarch'):
        return []
    works = subprocess.run([*prefix, 'true'], stderr=subprocess.DEVNULL).returncode == 0
    return prefix if works else []


def start(command, log, shard, shards):
    """Starts this share of a program's tests, in a session of its own, into log."""
    with open(log, 'w') as output:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output,
                                stderr=subprocess.STDOUT, start_new_session=True,
                                env={**SANITIZERS, **os.environ, 'GTEST_SHARD_INDEX': str(shard),
                                     'GTEST_TOTAL_SHARDS': str(shards)})


def finish(process, end):
    """Waits until the monotonic clock says `end`. Returns the status, or None if it was stopped."""
    try:
        status = process.wait(max(0, end - time.monotonic()))
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


def ending(status, limit):
    """What there is to say of how a program ended."""
    if status is None:
        return f', stopped after {limit} seconds'
    if status < 0:
        return f', killed by {signal.Signals(-status).name}'
    return f', exit status {status}' if status else ''


def run_group(directory, group, options):
    """Runs one program, and prints how it went. Returns the numbers that passed and failed."""
    program, shards = directory / f'{group}_test', 2 * len(os.sched_getaffinity(0))
    if not program.exists():
        print(f'{group}: not built')
        return 0, 1
    seed = options.seed or os.environ.get('ASYNC_TEST_SEED') or random.randrange(1 << 32)
    command = [*fixed_addresses(directory), str(program), '--gtest_color=no', f'--seed={seed}']
    begin = time.monotonic()
    logs = [directory / f'{group}.{shard}.log' for shard in range(shards)]
    running = [start(command, log, shard, shards) for shard, log in enumerate(logs)]
    passed, failed, skipped, shown, endings = [], [], [], [], ''
    for process, log in zip(running, logs):
        status = finish(process, begin + options.timeout)
        *results, its_text = read(log)
        if (status != 0 and not results[1]) or not any(results):
            results[1].append('the program itself')
            its_text = log.read_text(errors='replace').splitlines()
        for all_of_them, its in zip((passed, failed, skipped), results):
            all_of_them += its
        shown += its_text[-200:]
        endings += ending(status, options.timeout)
    print(f'{group}: {len(passed)} passed, {len(failed)} failed'
          + (f', {len(skipped)} skipped' if skipped else '')
          + f' in {time.monotonic() - begin:.1f} s, seed {seed}' + endings, flush=True)
    if failed:
        print('', *shown, '', *(f'failed: {group}: {name}' for name in failed), sep='\n    ')
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
