#!/usr/bin/env python3
"""Runs GoogleTest programs and counts what passed.

usage: tools/run_tests.py [--timeout=SECONDS] [--seed=N] DIRECTORY GROUP...

Runs DIRECTORY/GROUP_test for each GROUP, in processes of which each has a share of the tests; two
for each CPU at once, since tests wait much. Keeps the output in DIRECTORY/GROUP.N.log, and shows
from it only what failed. A test that was running when its program died or was stopped has failed.
Ends with the line
`N passed, N failed`.
"""
import argparse
import concurrent.futures
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

RESULT = re.compile(r'\[ {2}(?:     OK|FAILED |SKIPPED) \] (\S+?)(?:, where .*)? \(\d+ ms\)$')


def fixed_addresses(directory):
    """A prefix that makes the kernel place memory where ThreadSanitizer expects it."""
    prefix = ['setarch', '-R']
    if not {'thread', 'colors'} & set(directory.parts[-2].split('-')) or not shutil.which('setarch'):
        return []
    works = subprocess.run([*prefix, 'true'], stderr=subprocess.DEVNULL).returncode == 0
    return prefix if works else []


running = set()  # the processes


def start(command, log, shard, shards):
    """Starts this share of a program's tests, in a session of its own, into log."""
    with open(log, 'w') as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=subprocess.STDOUT, start_new_session=True,
                                   env={**SANITIZERS, **os.environ,
                                        'GTEST_SHARD_INDEX': str(shard),
                                        'GTEST_TOTAL_SHARDS': str(shards)})
    running.add(process)
    return process


def kill(process):
    """It, or what it left behind."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def give_up(signum, _):
    """Who asks us to end does not ask the sessions of the tests."""
    for process in list(running):
        kill(process)
    os._exit(128 + signum)


def finish(process, end):
    """Waits until the monotonic clock says `end`. Returns the status, or None if it was stopped."""
    try:
        status = process.wait(max(0, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        status = None
    kill(process)
    process.wait()
    running.discard(process)
    return status


def read(log):
    """The tests in a log, as lists of names (passed, failed, skipped), and the text of those that
    failed or never ended."""
    passed, failed, skipped, shown = [], [], [], []
    current, text = None, []
    for line in log.read_text(errors='replace').splitlines():
        if not current and line.startswith('[ RUN      ] '):  # else of a program that a test runs
            current, text = line[13:], [line]
            continue
        text.append(line)
        if current and (result := RESULT.search(line)) and result[1] == current:
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


class Group:
    """One program, its tests dealt out to as many processes as may run at once."""

    def __init__(self, directory, name, options):
        self.name, self.timeout = name, options.timeout
        self.program = directory / f'{name}_test'
        self.seed = options.seed or os.environ.get('ASYNC_TEST_SEED') or random.randrange(1 << 32)
        self.command = [*fixed_addresses(directory), str(self.program), '--gtest_color=no',
                        f'--seed={self.seed}']
        self.logs = [directory / f'{name}.{shard}.log' for shard in range(options.jobs)]

    def begin(self, pool):
        self.running = [pool.submit(self.run, shard) for shard in range(len(self.logs))]

    def run(self, shard):
        """Returns how this share of the tests ended, and how long it took."""
        begin = time.monotonic()
        process = start(self.command, self.logs[shard], shard, len(self.logs))
        return finish(process, begin + self.timeout), time.monotonic() - begin

    def report(self):
        """Waits for all shares, and prints how it went. Returns the numbers that passed and
        failed."""
        if not self.program.exists():
            print(f'{self.name}: not built')
            return 0, 1
        passed, failed, skipped, shown, endings, longest = [], [], [], [], '', 0
        for share, log in zip(self.running, self.logs):
            status, seconds = share.result()
            longest = max(longest, seconds)
            *results, its_text = read(log)
            if status != 0 and not results[1]:
                results[1].append('the program itself')
                its_text = log.read_text(errors='replace').splitlines()
            for all_of_them, its in zip((passed, failed, skipped), results):
                all_of_them += its
            shown += its_text[-200:]
            endings += ending(status, self.timeout)
        if not (passed or failed or skipped):  # a share may have none, if there are few
            failed.append('the program itself')
        print(f'{self.name}: {len(passed)} passed, {len(failed)} failed'
              + (f', {len(skipped)} skipped' if skipped else '')
              + f' in {longest:.1f} s, seed {self.seed}' + endings, flush=True)
        if failed:
            print('', *shown, '', *(f'failed: {self.name}: {name}' for name in failed),
                  sep='\n    ')
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
    for signum in signal.SIGINT, signal.SIGTERM:
        signal.signal(signum, give_up)
    options.jobs = 2 * len(os.sched_getaffinity(0))
    groups = [Group(options.directory, name, options) for name in options.groups]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        # The largest first, so that none has all CPUs for itself in the end.
        for group in sorted((g for g in groups if g.program.exists()),
                            key=lambda g: g.program.stat().st_size, reverse=True):
            group.begin(pool)
        counts = [group.report() for group in groups]
    passed, failed = map(sum, zip(*counts))
    print(f'{passed} passed, {failed} failed')
    sys.exit(1 if failed else 0)


main()
