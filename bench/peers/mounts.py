"""What is used through a mount: sshfs for small operations; sfsmount beside sshfs and bindfs."""
import contextlib
import os
import pathlib
import subprocess
import sys
import time

from . import process
from .file_servers import Sftp
from .nfs_servers import Sfsd
from .place import FILE_BYTES, ROOT, Figures, fresh
from .process import LeftOut, daemon, need, tree, usage

MOUNT_OPS = pathlib.Path(__file__).with_name('mount_ops.py')


@contextlib.contextmanager
def mounted(place, name, cpus, command, **options):
    """A directory on which `command`, which stays in the foreground, has mounted something."""
    at = place.mounts / name
    at.mkdir(exist_ok=True)
    log = place.tmp / f'{name}.log'
    with contextlib.ExitStack() as stack:
        stack.callback(lambda: subprocess.run(['umount', '--lazy', at], capture_output=True))
        running = stack.enter_context(daemon(log, cpus, *command, at, **options))
        until = time.monotonic() + 10
        while not os.path.ismount(at):
            if running.poll() is not None or time.monotonic() > until:
                said = log.read_text(errors='replace').strip().splitlines()
                raise LeftOut(f'{name} did not mount' + (f': {said[-1]}' if said else ''))
            time.sleep(0.02)
        yield at


def sshfs(place, sftp, cpus, name, *options):
    need('sshfs')
    command = ['sshfs', '-f', *sftp.options, *options, sftp.host]
    return mounted(place, name, cpus, command)


class Sshfs:
    """Without the caches of the kernel and of sshfs, so that each operation goes to the server."""
    name, side = 'sshfs', 'peer:sshfs'
    does = ('getattr', 'random_read', 'create_delete')
    UNCACHED = ['-o', 'dir_cache=no', '-o', 'attr_timeout=0', '-o', 'entry_timeout=0',
                '-o', 'direct_io']

    @contextlib.contextmanager
    def running(self, place, cpus, directory):
        need('sshfs')
        with Sftp().running(place, cpus, directory) as self._sftp:
            self._place, self._cpus = place, place.client_cpus(cpus)
            yield self

    def _load(self, op, clients, name, processes=8):
        with contextlib.ExitStack() as stack:
            at = [stack.enter_context(sshfs(self._place, self._sftp, self._cpus, f'sshfs-{i}',
                                            *self.UNCACHED)) for i in range(clients)]
            family = tree(self._sftp.pids)
            before = usage(family)
            said = process.run(sys.executable, MOUNT_OPS, op, self._place.seconds,
                               *[mount / name for mount in at] * processes, cpus=self._cpus)
            after = usage(family)
        ops, seconds = said.split()
        return Figures(float(seconds), 0, int(ops), after.cpu - before.cpu,
                       after.delay - before.delay)

    def getattr(self, clients):
        return self._load('getattr', clients, 'data')

    def random_read(self, clients):
        figures = self._load('random_read', clients, 'data')
        return figures._replace(bytes=figures.ops * 4096)

    def create_delete(self, clients):
        return self._load('create_delete', clients, '.')


# --- sfsmount beside sshfs (another machine's files) and bindfs (FUSE and nothing else).

def mounts_beside(place):
    """(side, name, function that mounts) of each."""
    return [('ours', 'sfsmount', lambda stack: _sfsmount(place, stack)),
            ('peer:sshfs', 'sshfs', lambda stack: _sshfs(place, stack)),
            ('peer:bindfs', 'bindfs', lambda stack: _bindfs(place, stack))]


def _sfsmount(place, stack):
    program = place.programs / 'sfsmount'
    if not program.exists():
        raise LeftOut('sfsmount has not been built')
    server = stack.enter_context(Sfsd.running(place, len(place.cpus), place.memory))
    command = [program, '--foreground', *server.mount_options, place.path]
    return stack.enter_context(mounted(place, 'sfsmount', None, command))


def _sshfs(place, stack):
    sftp = stack.enter_context(Sftp().running(place, len(place.cpus), place.memory))
    return stack.enter_context(sshfs(place, sftp, None, 'sshfs'))


def _bindfs(place, stack):
    need('bindfs')
    return stack.enter_context(mounted(place, 'bindfs', None, ['bindfs', '-f', place.memory]))


def _copy(source, target):
    process.run('dd', f'if={source}', f'of={target}', 'bs=1M', 'conv=fsync')


def _clone(at):
    need('git')
    if not (ROOT / '.git').exists():
        raise LeftOut('this is not a git repository')
    process.run('git', '-c', 'safe.directory=*', 'clone', '--quiet', '--no-local', ROOT,
                at / 'clone')


def _compile(at):
    sources = sorted((at / 'clone').glob('suio/*.cc')) + sorted((at / 'clone').glob('wrap/*.cc'))
    for source in sources:
        process.run(os.environ.get('CXX', 'g++'), '-std=c++20', '-O0', f'-I{at / "clone"}', '-c',
                    source, '-o', source.with_suffix('.o'))


def measure_mount(place, mount):
    """{what: Figures} of one mount. What is read and written is 200 MB in one go."""
    results = {}
    fresh(place.memory)
    with contextlib.ExitStack() as stack:
        at = mount(stack)

        def timed(what, moved, function, *arguments):
            began = time.monotonic()
            function(*arguments)
            results[what] = Figures(time.monotonic() - began, moved, max(1, moved / 65536), 0, 0)

        process.run('dd', f'if={at / "data"}', 'of=/dev/null', 'bs=1M', 'count=1')
        timed('read', FILE_BYTES, process.run, 'dd', f'if={at / "data"}', 'of=/dev/null', 'bs=1M',
              'iflag=nocache')
        timed('write', FILE_BYTES, _copy, place.file, at / 'copy')
        timed('git_clone', 0, _clone, at)
        timed('compile', 0, _compile, at)
    return results
