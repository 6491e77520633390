"""Knot against Haboob: bandwidth against the number of clients, and the memory of idle ones."""
import contextlib
import json
import os
import subprocess

from peers import process
from peers.process import LeftOut

from .section import (BLUE, GREEN, ORANGE, Chart, Section, Table, Target, at_least,
                      at_most, duration, middle, number, points, ratio, series, times, values,
                      where)
from .web_servers import SERVERS, user_bytes

NAME = 'web'
CLIENTS = [1, 16, 64, 256, 1024, 4096, 16384]
IDLE = 10_000
# SPECweb99's four classes of nine files, by size of the first, and how often each is asked for, in
# per cent and, within a class, in tenths of one per cent.
CLASSES = [(102, 35), (1024, 50), (10240, 14), (102400, 1)]
WITHIN_CLASS = [39, 59, 88, 177, 353, 118, 71, 50, 45]
MIXES = {'1k': '1 KiB', '8k': '8 KiB', 'mix': 'a mix as SPECweb99 has it (mean 14.7 KB)'}
SHORT = {'httpd': 'httpd', 'nginx_sendfile': 'nginx sf', 'nginx': 'nginx', 'nginx_open': 'cached'}
STYLES = {'httpd': (BLUE, False), 'nginx_sendfile': (ORANGE, False), 'nginx': (GREEN, True),
          'nginx_open': (GREEN, False)}


def make_files(context):
    """The files, and for each mix the list that http_load reads."""
    if (context.lists / 'mix').exists():
        return
    for directory in (context.root, context.lists):
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o755)
    sizes = {'1k': (1024, 1), '8k': (8192, 1)}
    sizes.update({f'mix_{group}_{i}': (first * i, often * weight)
                  for group, (first, often) in enumerate(CLASSES)
                  for i, weight in enumerate(WITHIN_CLASS, 1)})
    for name, (size, _) in sizes.items():
        (context.root / name).write_bytes(os.urandom(size))
        (context.root / name).chmod(0o644)
    for mix in MIXES:
        (context.lists / mix).write_text(''.join(
            f'{weight} {name}\n' for name, (_, weight) in sizes.items()
            if name.partition('_')[0] == mix))


def load(context, server, pids, port, cpus, mix, clients):
    """One measurement. On one CPU the server has it for itself; on two, clients share both."""
    their_cpus = context.cpus[cpus:] or context.cpus
    threads = min(len(their_cpus), clients)
    ms = context.milliseconds(2000)
    figures = json.loads(context.run(
        context.program('http_load'), '--clients', clients, '--threads', threads, '--time', ms,
        '--warmup', ms // 4, '--workers', min(server.workers(cpus), clients), '--server-pid',
        ','.join(map(str, pids)), port, context.root, context.lists / mix, cpus=their_cpus))
    seconds = figures['seconds']
    figures['replies_per_s'] = figures['replies'] / seconds
    figures['mbit_per_s'] = figures['bytes'] * 8e-6 / seconds
    figures['cpu_us'] = ratio(figures['server_cpu_s'] * 1e6, figures['replies'])
    figures['client_share'] = figures['client_cpu_s'] / seconds / len(their_cpus)
    figures['errors'] = figures['closed'] + figures['wrong'] + figures['refused']
    return figures


def _name(key, cpus, mix, clients):
    return f'{NAME}/{key}/cpus:{cpus}/{mix}/clients:{clients}'


def _measure_on(context, note, cpus):
    with contextlib.ExitStack() as stack:
        running = {}
        for key, server in SERVERS.items():
            try:
                running[key] = stack.enter_context(server.running(context, cpus, max(CLIENTS)))
            except LeftOut as reason:
                context.leave_out(server.name, reason)
        for mix in MIXES:
            for clients in context.some_of(CLIENTS):
                for key, (pids, port) in running.items():
                    name = _name(key, cpus, mix, clients)
                    if not context.wants(name) or clients < cpus:
                        continue
                    context.show(name)
                    note({'server': key, 'cpus': cpus, 'mix': mix, **load(
                        context, SERVERS[key], pids, port, cpus, mix, clients)})


def _measure_idle(context, note, key):
    """Connections that have asked once and then do nothing."""
    count = 500 if context.brief else IDLE
    with SERVERS[key].running(context, 1, max(CLIENTS)) as (pids, port):
        command = [context.program('http_load'), '--hold', '--clients', count, port, context.root,
                   context.lists / '1k']
        context.run(context.program('http_load'), '--clients', 1, '--time', 10, port, context.root,
                    context.lists / '1k')
        before = user_bytes(pids)
        client = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        try:
            if client.stdout.readline() != 'ready\n':
                raise LeftOut('http_load could not connect')
            grown = user_bytes(pids) - before
        finally:
            client.stdin.close()
            process.end(client)
            client.stdout.close()
    note({'server': key, 'idle': count, 'bytes_each': grown / count})


def measure(context, note):
    make_files(context)
    for cpus in range(1, min(2, len(context.cpus)) + 1):
        if any(context.wants(_name(key, cpus, mix, clients))
               for key in SERVERS for mix in MIXES for clients in CLIENTS):
            _measure_on(context, note, cpus)
    for key in SERVERS:
        if context.wants(f'{NAME}/{key}/idle'):
            context.show(f'{NAME}/{key}/idle')
            try:
                _measure_idle(context, note, key)
            except LeftOut as reason:
                context.leave_out(SERVERS[key].name, reason)


def _chart(runs, mix, cpus):
    lines = []
    for key, server in SERVERS.items():
        lines += series(server.name, *STYLES[key],
                        points(where(runs, server=key, mix=mix, cpus=cpus), 'clients',
                               'mbit_per_s'))
    return lines and Chart(f'{short(mix)}; {_cpus(cpus)}', 'clients', 'Mbit/s',
                           True, False, lines)


def _cpus(count):
    return f'{count} CPU{"s"[:count > 1]}'


def _beside(runs, peer, mix, cpus, clients, figure='replies_per_s'):
    """Ours over the peer's, the worst of these numbers of clients; None if not all are there."""
    found = [ratio(middle(where(runs, server='httpd', mix=mix, cpus=cpus, clients=n), figure),
                   middle(where(runs, server=peer, mix=mix, cpus=cpus, clients=n), figure))
             for n in clients]
    return None if None in found else min(found)


def _targets(runs):
    targets = []
    usual = CLIENTS[1:5]
    for peer, wanted in (('nginx_sendfile', 1.6), ('nginx', 1.3)):
        targets.append(at_least(f'1 KiB, 1 CPU, 16 to 1,024 clients: httpd over '
                                f'{SERVERS[peer].name}', wanted,
                                _beside(runs, peer, '1k', 1, usual)))
    for peer in ('nginx_sendfile', 'nginx'):
        targets.append(at_least(f'1 KiB, 1 CPU, 4,096 clients: httpd over {SERVERS[peer].name}',
                                1.2, _beside(runs, peer, '1k', 1, [4096])))
    for cpus in (1, 2):
        for mix in list(MIXES)[cpus == 1:]:
            for peer in ('nginx_sendfile', 'nginx'):
                targets.append(at_least(
                    f'{short(mix)}, {_cpus(cpus)}, 16 to 1,024 clients: httpd over '
                    f'{SERVERS[peer].name}', 1.3, _beside(runs, peer, mix, cpus, usual)))
    ours = [run for run in where(runs, server='httpd', clients=16384) if 'errors' in run]
    bad = max((run['errors'] + run['starved'] for run in ours), default=None)
    targets.append(Target('16,384 clients of httpd: errors and clients that got nothing', 'none',
                          number(bad), None if bad is None else bad == 0))
    idle = middle([run for run in where(runs, server='httpd') if 'idle' in run], 'bytes_each')
    targets.append(at_most('memory of an idle connection', 400, idle, ' bytes'))
    return targets


def _groups(runs):
    """(what it is, clients, {server: its runs}) for each line of a table."""
    for mix in MIXES:
        for cpus in (1, 2):
            for clients in CLIENTS:
                its = where(runs, mix=mix, cpus=cpus, clients=clients)
                if its:
                    yield (f'{short(mix)}, {_cpus(cpus)}, {clients:,}',
                           {key: where(its, server=key) for key in SERVERS})


def short(mix):
    return MIXES[mix].partition(' (')[0]


def _heads(*figures):
    """A column for each server of each figure, whose name is on the first of them."""
    return [(f'{figure}: ' if i == 0 else '') + SHORT[key]
            for figure in figures for i, key in enumerate(SERVERS)]


def _speed_table(runs):
    rows = []
    for name, by_server in _groups(runs):
        rates = {key: middle(its, 'replies_per_s') for key, its in by_server.items()}
        cpu = {key: middle(its, 'cpu_us') for key, its in by_server.items()}
        peers = [key for key in SERVERS if key != 'httpd']
        rows.append([name, *map(number, rates.values()), *map(number, cpu.values()),
                     *(times(ratio(rates['httpd'], rates[peer])) for peer in peers),
                     *(times(ratio(cpu[peer], cpu['httpd'])) for peer in peers)])
    over = [f'{what}{SHORT[key]}' for what in ('httpd over ', 'by CPU time: ')
            for key in SERVERS if key != 'httpd']
    return Table('Speed', ['', *_heads('replies/s', 'CPU us each'), *over], rows)


def _evenness_table(runs):
    rows = []
    for name, by_server in _groups(runs):
        rows.append([name, *(duration(max(values(its, 'longest_us'), default=None))
                             for its in by_server.values()),
                     *(times(min(values(its, 'fairness'), default=None))
                       for its in by_server.values()),
                     *(number(max((run['errors'] + run['starved'] for run in its), default=None))
                       for its in by_server.values()),
                     *('–' if not its else f'{middle(its, "client_share"):.0%}'
                       for its in by_server.values())])
    return Table('Evenness', ['', *_heads('longest wait', 'fairness', 'errors, starved',
                                          'CPU of clients')], rows)


def section(runs):
    loads = [run for run in runs if 'mix' in run]
    idle = [run for run in runs if 'idle' in run]
    sides = [[SERVERS[key].name, number(middle(where(idle, server=key), 'bytes_each'))]
             for key in SERVERS if where(idle, server=key)]
    charts = [_chart(loads, mix, cpus) for cpus in (1, 2) for mix in MIXES]
    return Section(
        'Servers of static files: Knot and Haboob, httpd and nginx',
        '"Why Events Are a Bad Idea" (von Behren, Condit, Brewer, HotOS 2003), its plot of '
        'bandwidth against clients: Knot, a server with a user-level thread per client, against '
        'Haboob, SEDA\'s event-driven server, with the static load of SPECweb99. Threads did '
        'better there.',
        'Each client has one connection and one request under way at a time; the client program '
        'reads every reply\'s head, lets the kernel discard the rest, and compares one whole reply '
        'in 64 with the file. A server on one CPU has it for itself, and the clients have the '
        'other; on two CPUs, they share both. "CPU us each" is the server\'s CPU time for a reply: '
        'where the client program has used up its CPU, it says more than replies per second. '
        'Fairness is Jain\'s index of the replies that each client got: 1 if all got the same. '
        '"nginx sf" is nginx with sendfile, "cached" nginx without it and with an open_file_cache, '
        'which keeps the files open, as httpd keeps what is in them.',
        [chart for chart in charts if chart],
        [_speed_table(loads), _evenness_table(loads),
         Table(f'Memory of an idle connection, user space ({IDLE:,} of them)',
               ['', 'bytes each'], sides)],
        _targets(runs),
        ['nginx has the memory for all its connections from the start (some 230 bytes each in its '
         'table, and 190 for events), so this growth does not show it.'] if sides else [])
