#!/usr/bin/env python3
"""Runs the benchmarks beside their peers, prints the table, and keeps it as JSON lines.

usage: tools/bench_report.py [--brief] [--filter=REGEX] [--runs=N] [GROUP...]

A group's program is build/release/bench/GROUP_bench, or the script bench/sfs_scaling for `sfs` and
bench/sfs_peers for `peers`. It takes Google Benchmark's options and writes its JSON. In the names of its benchmarks, which are
paths, one part says whose figure it is:

    self_post/cpus:2/colors:64/ours
    self_post/cpus:2/colors:64/peer:asio_thread_pool

The other parts are the name of the pair. The figure is the counter `ns` (nanoseconds for each item)
where there is one, else the real time of one iteration. bench/targets.json says what is to be
reached: a list of objects with

    group, name   which pairs: the group, and a shell pattern for the name
    peer          beside which peer; without it the figure stands alone
    figure, unit  another counter, or `rate` (one over the figure above, per second)
    min_ratio or max_ratio (ours over the peer's), min or max (ours): the target, a number or "1/15"
    optional      true: what it needs may be missing, and then it is not missed

The middle one of the runs counts. The spread is (largest - smallest) / middle, of ours or of the
peer's runs, whichever is wider. With --brief each benchmark runs once and hardly measures: no
target is judged, and the last line says `N passed, N failed`.
"""
import argparse
import collections
import datetime
import fnmatch
import fractions
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / 'build'
SCRIPTS = {'sfs': ROOT / 'bench/sfs_scaling', 'peers': ROOT / 'bench/sfs_peers'}
BOUNDS = {'max_ratio': ('ratio', '<='), 'min_ratio': ('ratio', '>='),
          'max': ('ours', '<='), 'min': ('ours', '>=')}
ADDED_BY_GOOGLE_BENCHMARK = re.compile(
    r'/(min_time|min_warmup_time|iterations|repeats|threads):[^/]*|/(real|manual|process)_time')
NANOSECONDS = {'ns': 1, 'us': 1e3, 'ms': 1e6, 's': 1e9}

Row = collections.namedtuple('Row', 'name unit ours peer_name peer ratio target met runs spread')


def available_groups():
    scripts = {group for group, script in SCRIPTS.items() if script.exists()}
    programs = {path.name.removesuffix('_bench.cc') for path in ROOT.glob('bench/*_bench.cc')}
    return sorted(programs | scripts)


def run(group, options):
    """Runs the group's program. Returns Google Benchmark's list of runs, or None on failure."""
    program = SCRIPTS.get(group, BUILD / f'release/bench/{group}_bench')
    if not program.exists():
        print(f'{group}: {program.relative_to(ROOT)} has not been built', file=sys.stderr)
        return None
    runs, seconds = (1, 0.001) if options.brief else (options.runs, 0.1)
    output = BUILD / f'bench/{group}.json'
    output.unlink(missing_ok=True)
    command = [str(program), f'--benchmark_out={output}', '--benchmark_out_format=json',
               f'--benchmark_repetitions={runs}', f'--benchmark_min_time={seconds}',
               f'--benchmark_enable_random_interleaving={str(not options.brief).lower()}',
               f'--benchmark_filter={options.filter}']
    print(f'running {group} ...', file=sys.stderr, flush=True)
    environment = {**os.environ, **({'ASYNC_BENCH_BRIEF': '1'} if options.brief else {})}
    log = BUILD / f'bench/{group}.log'
    with open(log, 'w') as lines:
        done = subprocess.run(['timeout', '--kill-after=10', str(options.timeout), *command],
                              cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=lines,
                              stderr=None if group in SCRIPTS else lines)
    try:
        results = json.loads(output.read_text())['benchmarks']
    except (OSError, ValueError, KeyError) as error:
        results, trouble = None, f'no results ({error})'
    else:
        trouble = '; '.join(f"{result['name']}: {result['error_message']}"
                            for result in results if result.get('error_occurred'))
    if done.returncode or trouble:
        print(*log.read_text(errors='replace').splitlines()[-20:], sep='\n', file=sys.stderr)
        print(f'{group}: exit status {done.returncode} {trouble}', file=sys.stderr)
        return None
    return results


def collect(results):
    """{name of the pair: {'ours' or the peer: [run, ...]}}, in the order of registration."""
    pairs = collections.defaultdict(lambda: collections.defaultdict(list))
    for result in sorted(results, key=lambda result: result.get('family_index', 0)):
        if result.get('run_type', 'iteration') != 'iteration':
            continue
        parts = ADDED_BY_GOOGLE_BENCHMARK.sub('', result['run_name']).split('/')
        side = [part for part in parts if part == 'ours' or part.startswith('peer:')] or ['ours']
        name = '/'.join(part for part in parts if part not in side)
        pairs[name][side[0].removeprefix('peer:')].append(result)
    return pairs


def figure_of(result, figure):
    """One figure of one run, or None if the run has no such counter."""
    if figure is None:
        return result.get('ns', result['real_time'] * NANOSECONDS[result.get('time_unit', 'ns')])
    if figure == 'rate':
        return result.get('rate', 1e9 / figure_of(result, None))
    return result.get(figure)


def summary(results, figure):
    """The middle one, the spread and the number of the runs' figures; Nones if there are none."""
    figures = [value for result in results if (value := figure_of(result, figure)) is not None]
    if not figures:
        return None, 0, 0
    middle = statistics.median(figures)
    return middle, (max(figures) - min(figures)) / middle if middle else 0, len(figures)


def row(name, sides, peer_name, target):
    """One line of the table; None if the figure that the target asks for was not measured."""
    figure = target.get('figure')
    ours, spread, runs = summary(sides['ours'], figure)
    peer, peer_spread, _ = summary(sides.get(peer_name, []), figure)
    ratio = ours / peer if ours is not None and peer else None
    if ours is None or peer_name and ratio is None:
        return None
    wanted, met = None, None
    if bound := next((key for key in BOUNDS if key in target), None):
        subject, comparison = BOUNDS[bound]
        limit = float(fractions.Fraction(str(target[bound])))
        reached = ratio if subject == 'ratio' else ours
        wanted = f'{subject} {comparison} {target[bound]}'
        met = reached is not None and (reached <= limit if comparison == '<=' else reached >= limit)
    unit = target.get('unit', 'per s' if figure == 'rate' else figure or 'ns')
    label = f'{name} {figure}' if figure else name
    return Row(label, unit, ours, peer_name, peer, ratio, wanted, met, runs,
               max(spread, peer_spread))


def rows_of(pairs, targets):
    """The table of one group, and the targets for which nothing was measured."""
    rows, unused = [], []
    judged = set()
    for target in targets:
        found = [(name, row(name, sides, target.get('peer'), target))
                 for name, sides in pairs.items()
                 if fnmatch.fnmatchcase(name, target['name']) and 'ours' in sides]
        found = [(name, line) for name, line in found if line]
        if target.get('figure') in (None, 'rate'):
            judged |= {(name, line.peer_name) for name, line in found}
        rows += [line for _, line in found]
        if not found and not target.get('optional'):
            unused.append(f"{target['group']}: {target['name']} "
                          f"{target.get('figure', '')} {target.get('peer', '')}".rstrip())
    for name, sides in pairs.items():
        peers = sorted(side for side in sides if side != 'ours')
        rows += [row(name, sides, peer, {}) for peer in peers if (name, peer) not in judged]
        if not peers and not any(line.name.split(' ')[0] == name for line in rows):
            rows.append(row(name, sides, None, {}))
    order = list(pairs)
    rows.sort(key=lambda line: order.index(line.name.split(' ')[0]))
    return rows, unused


def number(value):
    """Four digits of a figure, or a dash."""
    if value is None:
        return '-'
    return f'{value:,.0f}' if abs(value) >= 1000 else f'{value:.4g}'


def print_table(rows):
    table = [('name', 'unit', 'ours', 'peer', '', 'ratio', 'target', '', 'spread')]
    for line in rows:
        met = {True: 'met', False: 'MISSED', None: ''}[line.met]
        table.append((line.name, line.unit, number(line.ours), number(line.peer),
                      line.peer_name or '', number(line.ratio), line.target or '', met,
                      f'{line.spread:.0%}'))
    widths = [max(map(len, column)) for column in zip(*table)]
    right = {2, 3, 5, 8}
    for cells in table:
        print('  '.join(cell.rjust(width) if i in right else cell.ljust(width)
                        for i, (cell, width) in enumerate(zip(cells, widths))).rstrip())


def said_by(*command):
    """The first line that a command prints, or `unknown`."""
    try:
        done = subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL)
    except OSError:
        return 'unknown'
    return done.stdout.partition('\n')[0] if done.returncode == 0 and done.stdout else 'unknown'


def print_header(options):
    cpu = re.search(r'^model name\s*: (.*)$', pathlib.Path('/proc/cpuinfo').read_text(), re.M)
    print(f"machine   {len(os.sched_getaffinity(0))} CPUs of {cpu[1] if cpu else 'unknown kind'}, "
          f'{platform.system()} {platform.release()}')
    print(f"compiler  {said_by(os.environ.get('CXX', 'g++'), '--version')}, -O2")
    print(f"commit    {said_by('git', 'describe', '--always', '--dirty')}")
    print(f'date      {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC')
    print(f"runs      {'one, brief: not a measurement' if options.brief else options.runs}; "
          'spread = (largest - smallest) / middle\n')


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split('\n\n')[1][len('usage: '):])
    parser.add_argument('--brief', action='store_true')
    parser.add_argument('--filter', default='.')
    parser.add_argument('--runs', type=int, default=5)
    parser.add_argument('--timeout', type=int, default=3600, help='seconds for one group')
    parser.add_argument('groups', nargs='*')
    options = parser.parse_args()
    (BUILD / 'bench').mkdir(parents=True, exist_ok=True)
    targets_file = ROOT / 'bench/targets.json'
    targets = json.loads(targets_file.read_text()) if targets_file.exists() else []
    print_header(options)

    rows, trouble, ran = [], [], 0
    for group in options.groups or available_groups():
        results = run(group, options)
        if results is None:
            trouble.append(f'{group} did not run')
            continue
        pairs = collect(results)
        ran += len(pairs)
        group_rows, unused = rows_of(pairs, [t for t in targets if t['group'] == group])
        rows += [line._replace(target=None, met=None) if options.brief else line
                 for line in group_rows]
        if options.filter == '.':
            trouble += [f'nothing measured for the target of {name}' for name in unused]
    print_table(rows)
    if not options.brief:
        with open(BUILD / 'bench/results.jsonl', 'a') as lines:
            lines.writelines(json.dumps(line._asdict()) + '\n' for line in rows)
    print(*trouble, sep='\n')
    if options.brief:
        print(f'{ran} passed, {len(trouble)} failed')
    else:
        print(f'{sum(line.met is True for line in rows)} targets met, '
              f'{sum(line.met is False for line in rows)} missed; '
              f'added to {(BUILD / "bench/results.jsonl").relative_to(ROOT)}')
    sys.exit(1 if trouble else 0)


main()
