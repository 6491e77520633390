"""Figure 1 of the SFS paper, and what each coloring step changes and gains."""
import json
import subprocess
import sys

from .colored import colored_lines
from .section import Section, Table, at_least, middle, number, times, where

NAME = 'sfs'
STEPS = {'none': 'no colors', 'crypto': 'encryption', 'io': 'and the connections\' input',
         'all': 'and all else of a client'}


def measure(context, note):
    if not context.wants(NAME):
        return
    context.show(NAME)
    out, plot = context.work / 'sfs.json', context.work / 'figure1.svg'
    brief = ['--cpus', '1', '--suites', 'compute_bound'] if context.brief else []
    command = [sys.executable, context.bench / 'sfs_scaling', '--rounds', '1', '--work',
               context.work / 'sfs', '--plot', plot, f'--benchmark_out={out}', *brief]
    done = subprocess.run([str(word) for word in command], text=True, capture_output=True)
    if done.returncode:
        return context.leave_out('sfsd', done.stderr.strip().splitlines()[-1])
    for run in json.loads(out.read_text())['benchmarks']:
        _, suite, cpus, side = run['name'].split('/')
        note({'suite': suite, 'cpus': int(cpus.partition(':')[2]), 'side': side,
              **{key: run[key] for key in ('mb_per_s', 'ratio', 'corrected_speedup',
                                           'cpu_s_per_gb')}})
    note(colored_lines(context, 'sfsd'))
    note({'svg': plot.read_text()})


def _step(runs, step, figure, cpus=2):
    side = 'ours' if step == 'all' else f'peer:{step}'
    return middle(where(runs, suite='compute_bound', cpus=cpus, side=side), figure)


def _rows(runs):
    rows = []
    for suite in sorted({run['suite'] for run in runs if 'suite' in run}):
        of_suite = where(runs, suite=suite)
        for key in dict.fromkeys((run['cpus'], run['side']) for run in of_suite):
            its = where(of_suite, cpus=key[0], side=key[1])
            name = key[1].removeprefix('peer:')
            rows.append([f'{suite}, {key[0]} CPU{"s"[:key[0] > 1]}, {name}',
                         number(middle(its, 'mb_per_s')), times(middle(its, 'ratio')),
                         times(middle(its, 'corrected_speedup')),
                         times(middle(its, 'cpu_s_per_gb')), str(len(its))])
    return rows


def _step_rows(runs):
    counted = next((run for run in reversed(runs) if 'lines' in run), None)
    if not counted:
        return []
    lines = {'none': 0, **counted['lines']}
    return [[STEPS[step], str(lines[step]), times(_step(runs, step, 'ratio')),
             times(_step(runs, step, 'corrected_speedup'))] for step in STEPS]


def section(runs):
    svgs = [run['svg'] for run in runs if 'svg' in run]
    n_copy = middle(where(runs, suite='compute_bound', cpus=2, side='peer:n_copy'), 'mb_per_s')
    ours = _step(runs, 'all', 'mb_per_s')
    lines = next((run for run in reversed(runs) if 'lines' in run), None)
    remarks = ([f'{sum(lines["lines"].values())} lines of {lines["of"]:,} were changed to color '
                'it.'] if lines else [])
    return Section(
        'The encrypted file server, and what colors gained it step by step',
        '"Event-driven programming for robust software" (Dabek and others, SIGOPS European '
        'Workshop 2002), Figure 1: the SFS file server on 1, 2, 3 and 4 CPUs reached 0.95, 1.62, '
        '2.18 and 2.55 times the uniprocessor server. "Multiprocessor support for event-driven '
        'programs" (Zeldovich and others, USENIX 2003): coloring its cryptography changed about '
        '90 lines of 12,000; a Web server became 1.5 times as fast on four CPUs.',
        'bench/sfs_scaling: a file of 200 MB, read all the time over eight connections. Ratios '
        'are to the server built for one CPU without threads; "corrected" takes out the time for '
        'which the server was runnable and had no CPU, since the clients run on the same CPUs. '
        'In the steps, each line that a step has changed bears its mark in the source. The plot '
        'is of the last round.',
        svgs[-1:],
        [Table('Coloring, step by step (compute-bound, 2 CPUs)',
               ['colored', 'lines changed', 'speed-up', 'corrected'], _step_rows(runs)),
         Table('All', ['', 'MB/s', 'ratio', 'corrected', 'CPU s/GB', 'runs'], _rows(runs))],
        [at_least('1 CPU over the uniprocessor server', 0.98, middle(
            where(runs, suite='compute_bound', cpus=1, side='ours'), 'ratio')),
         at_least('2 CPUs over two independent servers', 0.97,
                  ours / n_copy if ours and n_copy else None),
         at_least('2 CPUs, corrected speed-up', 1.9, _step(runs, 'all', 'corrected_speedup'))],
        remarks)
