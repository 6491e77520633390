"""What bench/sfs_peers measures: each round runs through the plan, peer beside peer."""
import collections
import contextlib
import os
import re
import sys

from . import mounts, nfs_servers
from .file_servers import Nginx, Samba, Sftp
from .nfs_servers import Ganesha, GaneshaThroughStunnel, Sfsd
from .place import Figures
from .process import LeftOut

SERVERS = [Sfsd(), Nginx('nginx, ranges of 64 KiB', 'peer:nginx', 65536, '64k'),
           Nginx('nginx, whole file', 'peer:nginx_whole_file', 0, '256k'), Ganesha(),
           GaneshaThroughStunnel(), Sftp(), Samba('Samba, 64 KiB', 'peer:samba', 65536),
           Samba('Samba, its own sizes', 'peer:samba_own_sizes', 0), mounts.Sshfs()]
IDLE_CLIENTS = 10_000

# One figure to be had: what a running server is asked for. `on` is a directory of the place.
Item = collections.namedtuple('Item', 'name operation arguments')
Group = collections.namedtuple('Group', 'what cpus on items')


def reading(cpus, *clients):
    return Group('read', cpus, 'export', [
        Item(f'read/cpus:{cpus}/clients:{n}', 'read', (n,)) for n in clients])


def writing(on, *clients):
    return Group('write', 1, on, [
        Item(f'write/{on}/clients:{n}', 'write', (n, on)) for n in clients])


def small_operations():
    return Group('small operations', 1, 'memory', [
        Item('getattr/clients:4', 'getattr', (4,)),
        Item('getattr/clients:1/outstanding:8', 'getattr', (1,)),
        Item('random_read/clients:4', 'random_read', (4,)),
        Item('create_delete/clients:4', 'create_delete', (4,))])


def groups(cpus, brief):
    """The plan: groups of items for which a server is started once."""
    if brief:
        return [reading(1, 4), small_operations()]
    return [*(reading(n, 1, 2, 4, 8) for n in (1, 2)[:cpus]),
            writing('memory', 1, 4), writing('disk', 1), small_operations()]


class Run:
    """Collects {(name, side): [Figures or bytes per client, one of each round]}."""

    def __init__(self, place, pattern, brief):
        self.place, self.brief = place, brief
        self.results = collections.defaultdict(list)
        self.left_out = {}  # who (and what): why
        self._pattern = re.compile(pattern)

    def round(self):
        for group in groups(len(self.place.cpus), self.brief):
            for server in SERVERS:
                self._measure_server(server, group)
        self._measure_idle()
        self._measure_mounts()

    def _wanted(self, name, side):
        return self._pattern.search(f'{name}/{side}')

    @contextlib.contextmanager
    def _leaving_out(self, who):
        """What goes wrong inside is told once and not tried again."""
        try:
            yield
        except LeftOut as why:
            if who not in self.left_out:
                show(f'left out: {who}: {why}\n')
            self.left_out[who] = str(why)

    def _measure_server(self, server, group):
        items = [item for item in group.items if item.operation in server.does
                 and self._wanted(item.name, server.side)
                 and f'{server.name}, {item.name}' not in self.left_out]
        who = f'{server.name}, {group.what} on {group.cpus} CPU{"s"[:group.cpus > 1]}'
        if not items or server.name in self.left_out or who in self.left_out:
            return
        directory = getattr(self.place, group.on)
        with self._leaving_out(server.name if self._never_ran(server) else who):
            with server.running(self.place, group.cpus, directory) as running:
                for item in items:
                    with self._leaving_out(f'{server.name}, {item.name}'):
                        self._measure(running, server, item, directory)

    def _never_ran(self, server):
        return not any(side == server.side for _, side in self.results)

    def _measure(self, running, server, item, directory):
        arguments = item.arguments
        if item.operation == 'write':
            arguments = (arguments[0], directory, arguments[1] == 'disk')
        figures = getattr(running, item.operation)(*arguments)
        self._keep(item.name, server, figures)

    def _keep(self, name, who, figures):
        self.results[name, who.side].append(figures)
        rate = (f'{figures.bytes / figures.seconds / 1e6:.0f} MB/s' if figures.bytes else
                f'{figures.ops / figures.seconds:.0f} per s')
        show(f'{name}: {who.name}: {rate}\n')

    def _measure_idle(self):
        name = 'idle_client'
        if self.brief or not self._wanted(name, 'ours') or name in self.left_out:
            return
        with self._leaving_out(name):
            nfs_servers.raise_descriptor_limit(2 * IDLE_CLIENTS)
            with Sfsd.running(self.place, len(self.place.cpus), self.place.export,
                              '--max-clients', IDLE_CLIENTS + 100) as running:
                size = running.bytes_per_idle_client(IDLE_CLIENTS)
                self.results[name, 'ours'].append(size)
                show(f'{name}: {size:.0f} bytes\n')

    def _measure_mounts(self):
        if not (self.place.programs / 'sfsmount').exists():
            self.left_out.setdefault('mounts', 'sfsmount has not been built')
            return
        Mount = collections.namedtuple('Mount', 'name side')
        for side, name, mount in mounts.mounts_beside(self.place):
            if name in self.left_out or not self._wanted('mount', side):
                continue
            with self._leaving_out(f'mounts: {name}'):
                for what, figures in mounts.measure_mount(self.place, mount).items():
                    self._keep(f'mount/{what}', Mount(name, side), figures)


def show(words):
    print(words, end='', file=sys.stderr, flush=True)


def derived(figures, cpus):
    """Counters of one Figures. `corrected` takes out the time for which the server was runnable and
    had no CPU; threads that wait for each other have not more CPUs than the server may use."""
    if not isinstance(figures, Figures):
        return {'bytes': figures}
    counters = {'seconds': figures.seconds, 'rate': figures.ops / figures.seconds,
                'ns': figures.seconds * 1e9 / figures.ops}
    if figures.cpu:
        wanted = min(figures.cpu + figures.delay, cpus * figures.seconds)
        correction = max(1, wanted / figures.cpu)
        counters['cpu_us_per_op'] = figures.cpu * 1e6 / figures.ops
        counters['corrected_rate'] = counters['rate'] * correction
    if figures.bytes:
        counters['mb_per_s'] = figures.bytes / figures.seconds / 1e6
        if figures.cpu:
            counters['cpu_s_per_gb'] = figures.cpu / figures.bytes * 1e9
            counters['corrected_mb_per_s'] = counters['mb_per_s'] * correction
    return counters


def counters_of(results):
    """{(name, side): [counters of each round]}, with the speed-up on two CPUs put in."""
    cpus = len(os.sched_getaffinity(0))
    all_of = {}
    for (name, side), runs in results.items():
        on = re.search(r'/cpus:(\d+)', name)
        on = int(on[1]) if on else cpus if name.startswith('mount') else 1
        all_of[name, side] = [derived(run, on) for run in runs]
    for (name, side), runs in all_of.items():
        for two, one in zip(runs, all_of.get((name.replace('/cpus:2/', '/cpus:1/'), side), [])):
            if '/cpus:2/' in name:
                for figure in ('', 'corrected_'):
                    if f'{figure}mb_per_s' in two and f'{figure}mb_per_s' in one:
                        two[f'{figure}speedup'] = (two[f'{figure}mb_per_s'] /
                                                   one[f'{figure}mb_per_s'])
    return all_of
