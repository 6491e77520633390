"""Capriccio's table of primitives, its producers and consumers, and its idle pipes."""
import json
import re

from peers.process import LeftOut

from .section import (BLUE, GREEN, ORANGE, Chart, Section, Table, middle, number, points, ratio,
                      series, times, where)

NAME = 'costs'
PAIRS = [1, 10, 100, 1000]
WAYS = {'threads': 'threads', 'callbacks': 'callbacks'}
STYLES = {('threads', 1): (ORANGE, False), ('threads', 2): (ORANGE, True),
          ('callbacks', 1): (BLUE, False), ('callbacks', 2): (GREEN, False)}
ROWS = [('create', 'create and run one', 'create', 'create'),
        ('switch', 'switch by yielding, to the next', 'yield', 'switch'),
        ('wake', 'switch by waking the other and sleeping', 'wake', 'switch'),
        ('lock', 'lock without contention, or a call within the color', 'lock', 'lock'),
        ('memory', 'bytes in user space, waiting', 'memory_bytes', 'memory_bytes'),
        ('kernel', 'bytes in the kernel', 'kernel_bytes', None)]


def _pipes(context, note):
    """Many idle pipes and some active ones: bench/fds."""
    program = context.build / 'bench/fds_bench'
    if not program.exists():
        raise LeftOut(f'{program} has not been built')
    out = context.work / 'pipes.json'
    context.run(program, '--benchmark_filter=fds/pipes', f'--benchmark_out={out}',
                '--benchmark_out_format=json',
                f'--benchmark_min_time={0.001 if context.brief else 0.2}')
    for run in json.loads(out.read_text())['benchmarks']:
        pipes, active = (int(re.search(f'{word}:(\\d+)', run['name'])[1])
                         for word in ('pipes', 'active'))
        side = 'ours' if '/ours' in run['name'] else 'libev'
        note({'pipes': pipes, 'active': active, 'side': side, 'ns': run['ns']})


def measure(context, note):
    for way in WAYS:
        if context.wants(f'{NAME}/{way}/primitives'):
            context.show(f'{NAME}/{way}/primitives')
            count = 200 if context.brief else 10_000
            note({'way': way, **json.loads(
                context.run(context.program('costs'), way, '--count', count))})
    for cpus in range(1, min(2, len(context.cpus)) + 1):
        for pairs in context.some_of(PAIRS):
            for way in WAYS:
                name = f'{NAME}/{way}/cpus:{cpus}/pairs:{pairs}'
                if context.wants(name):
                    context.show(name)
                    note({'way': way, 'cpus': cpus, 'pairs': pairs, **json.loads(context.run(
                        context.program('costs'), way, '--cpus', cpus, '--pairs', pairs, '--time',
                        context.milliseconds(1000)))})
    if context.wants(f'{NAME}/pipes'):
        context.show(f'{NAME}/pipes')
        try:
            _pipes(context, note)
        except LeftOut as reason:
            context.leave_out('idle pipes', reason)


def _primitives(runs):
    rows = []
    for _, name, of_threads, of_callbacks in ROWS:
        threads = middle(where(runs, way='threads'), of_threads)
        callbacks = of_callbacks and middle(where(runs, way='callbacks'), of_callbacks)
        if threads is not None:
            rows.append([name, number(threads), number(callbacks),
                         times(ratio(threads, callbacks))])
    return Table('Nanoseconds, and bytes (one CPU)',
                 ['', 'threads', 'callbacks', 'threads over callbacks'], rows)


def _pipe_rows(runs):
    rows = []
    for pipes, active in sorted({(run['pipes'], run['active']) for run in runs if 'pipes' in run}):
        ours, peer = (middle(where(runs, pipes=pipes, active=active, side=side), 'ns')
                      for side in ('ours', 'libev'))
        rows.append([f'{pipes:,} pipes, {active} active', number(ours), number(peer),
                     times(ratio(peer, ours))])
    return rows


def section(runs):
    lines = []
    pairs = [run for run in runs if 'pairs' in run]
    for (way, cpus), (color, dashed) in STYLES.items():
        lines += series(f'{way}, {cpus} CPU{"s"[:cpus > 1]}', color, dashed,
                        points(where(pairs, way=way, cpus=cpus), 'pairs', 'items_per_s'))
    charts = [Chart('Producers and consumers', 'pairs', 'items per second', True, True,
                    lines)] if lines else []
    return Section(
        'What a thread costs, and what a callback',
        'Capriccio (von Behren, Condit, Zhou, Necula, Brewer, SOSP 2003): a table of creation, '
        'context switch and uncontended lock for its user-level threads, LinuxThreads and NPTL; '
        'the throughput of producers and consumers that share a store; and many idle pipes with '
        'a few active ones.',
        'Threads are today\'s NPTL. For callbacks, creating includes a color of its own; a switch '
        'is from a callback to the next one, of another color; and what a lock is for threads is '
        'for callbacks a color: a callback that needs one is called where it already is. A store '
        'has room for 64 items. In it, threads have a mutex and two condition variables; with '
        'callbacks the store is a color, to which producers and consumers post.',
        charts,
        [_primitives(runs),
         Table('An event on one of many pipes: nanoseconds with its read and its write',
               ['', 'ours', 'libev', 'libev over ours'], _pipe_rows(runs))],
        [], [])
