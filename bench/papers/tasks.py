"""SEDA's and Why Events' benchmark: tasks that read 8 KiB, one to a million in flight."""
import concurrent.futures
import json

from .section import (BLUE, GREEN, LIGHT_BLUE, ORANGE, RED, Chart, Section, Table, at_least,
                      duration, middle, number, points, ratio, series, where)

NAME = 'tasks'
COUNTS = [10 ** power for power in range(7)]
# (how programs/tasks calls it, CPUs): its name, and how its line is drawn.
WAYS = {
    ('callbacks', 1): ('callbacks, 1 CPU', BLUE, False),
    ('callbacks', 2): ('callbacks, 2 CPUs', GREEN, False),
    ('processes', 2): ('callbacks, 2 programs', LIGHT_BLUE, True),
    ('yielding', 1): ('threads that yield, 1 CPU', ORANGE, False),
    ('yielding', 2): ('threads that yield, 2 CPUs', ORANGE, True),
    ('woken', 1): ('threads woken each time, 1 CPU', RED, False),
    ('woken', 2): ('threads woken each time, 2 CPUs', RED, True),
}


def _run(context, way, cpus, tasks, cpu=None):
    ms = context.milliseconds(1000 + tasks // 200)
    said = context.run(context.program('tasks'), way, '--cpus', cpus, '--tasks', tasks, '--time',
                       ms, '--warmup', ms // 4, '--directory', context.memory, '--pid-max',
                       context.pid_max, cpus=cpu)
    return json.loads(said)


def _in_processes(context, cpus, tasks):
    """As many programs as CPUs, one on each: what there is to be had at best."""
    with concurrent.futures.ThreadPoolExecutor(cpus) as pool:
        runs = list(pool.map(lambda cpu: _run(context, 'callbacks', 1, max(1, tasks // cpus),
                                              [cpu]), context.cpus[:cpus]))
    return {'tasks': tasks, 'limit': '', 'per_s': sum(run['per_s'] for run in runs),
            'mean_us': max(run['mean_us'] for run in runs),
            'max_us': max(run['max_us'] for run in runs)}


def measure(context, note):
    exhausted = {}
    for tasks in context.some_of(COUNTS):
        for way, cpus in WAYS:
            name = f'{NAME}/{way}/cpus:{cpus}/tasks:{tasks}'
            if cpus > len(context.cpus) or exhausted.get((way, cpus)) or not context.wants(name):
                continue
            context.show(name)
            made = (_in_processes(context, cpus, tasks) if way == 'processes'
                    else _run(context, way, cpus, tasks))
            note({'way': way, 'cpus': cpus, **made})
            exhausted[way, cpus] = made['limit']


def _chart(runs, title, figure, label, scale, log_y):
    lines = []
    for (way, cpus), (name, color, dashed) in WAYS.items():
        lines += series(name, color, dashed,
                        points(where(runs, way=way, cpus=cpus), 'tasks', figure, scale))
    return Chart(title, 'tasks in flight', label, True, log_y, lines)


def _flatness(runs, cpus):
    """The least throughput over the most, of callbacks from 10 tasks on."""
    rates = [middle(where(runs, way='callbacks', cpus=cpus, tasks=tasks), 'per_s')
             for tasks in COUNTS[1:]]
    return min(rates) / max(rates) if None not in rates else None


def _scaling(runs, beside, figure=min):
    """Throughput on two CPUs over that of `beside`, the worst from 10 tasks on."""
    found = [ratio(middle(where(runs, way='callbacks', cpus=2, tasks=tasks), 'per_s'),
                   middle(where(runs, tasks=tasks, **beside), 'per_s')) for tasks in COUNTS[1:]]
    return figure(found) if None not in found else None


def _table(runs, title, figure, form):
    rows = []
    for tasks in sorted({run['tasks'] for run in runs}):
        rows.append([f'{tasks:,}', *(form(middle(where(runs, way=way, cpus=cpus, tasks=tasks),
                                                 figure)) for way, cpus in WAYS)])
    return Table(title, ['in flight', *(name for name, _, _ in WAYS.values())], rows)


def section(runs):
    limits = {run['limit']: run['tasks'] for run in runs if run['limit']}
    return Section(
        'Tasks in flight: threads against callbacks',
        'SEDA (Welsh, Culler, Brewer, SOSP 2001), Figures 2 and 4: on four 500 MHz Pentium III, '
        'the throughput of a thread per task, each task reading 8 KB of a file in the buffer '
        'cache, rises and then falls far once there are many threads; that of one event loop '
        'stays the same up to a million tasks. "Why Events Are a Bad Idea" (von Behren, Condit, '
        'Brewer, HotOS 2003) answers that this was the fault of the thread package, and has '
        '100,000 user-level threads.',
        'A task reads 8 KiB with pread(); when it is done, the next one begins in its place. '
        'Callbacks: each task has a color of its own. Threads: each task has a kernel thread with '
        'a stack of 16 KiB, which yields after each read, or is put to sleep and woken for each. '
        'There are 64 files, so that CPUs do not share one file\'s counters in the kernel. Two '
        'programs on a CPU each, which share nothing, are what a second CPU could bring at best.',
        [_chart(runs, 'Throughput', 'per_s', 'tasks per second', 1, False),
         _chart(runs, 'Mean latency', 'mean_us', 'milliseconds', 1e-3, True),
         _chart(runs, 'Longest latency', 'max_us', 'milliseconds', 1e-3, True)],
        [_table(runs, 'Thousand tasks per second', 'per_s',
                lambda rate: number(rate and rate / 1000)),
         _table(runs, 'Mean latency', 'mean_us', duration),
         _table(runs, 'Longest latency', 'max_us', duration),
         _table(runs, 'Resident bytes for each task (without the kernel\'s)', 'bytes_each',
                number)],
        [at_least('callbacks, 1 CPU: least over most throughput, 10 to 1,000,000 tasks', 0.9,
                  _flatness(runs, 1)),
         at_least('callbacks, 2 CPUs: the same', 0.9, _flatness(runs, 2)),
         at_least('2 CPUs over 1 CPU, at worst', 1.7,
                  _scaling(runs, dict(way='callbacks', cpus=1)))],
        [f'Threads end at {tasks:,}: {limit} allows no more (a tenth of it is left to other '
         'programs).' for limit, tasks in limits.items()]
        + [f'Two programs that share nothing are the ceiling: callbacks on two CPUs reached '
           f'{_scaling(runs, dict(way="processes", cpus=2)):.2f} to '
           f'{_scaling(runs, dict(way="processes", cpus=2), max):.2f} of it.'
           for _ in [0] if _scaling(runs, dict(way='processes', cpus=2))]
        + ['A color runs up to 16 callbacks in a row: a task\'s latency is then either that of a '
           'read or that of a whole round, and the mean (tasks / throughput) lies between.'])
