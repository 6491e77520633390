"""Where a run of bench/sfs_peers happens: its directories, its file, its keys, its programs."""
import collections
import os
import pathlib
import pwd
import shutil
import sys

from . import isolation
from .process import LeftOut, find, run

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FILE_BYTES = 200_000_000

# What one measurement found. `cpu` and `delay` are the server's, in seconds.
Figures = collections.namedtuple('Figures', 'seconds bytes ops cpu delay')


class Place:
    def __init__(self, work, build, isolated, seconds, warmup):
        self.programs = pathlib.Path(build).resolve() / 'release/examples/sfsd'
        self._tls_load = pathlib.Path(build).resolve() / 'release/bench/peers/tls_load'
        for program in ('sfsd', 'sfsload', 'sfskey'):
            if not (self.programs / program).exists():
                sys.exit(f'{self.programs / program} has not been built: scons')
        self.work = pathlib.Path(work).resolve()
        self.seconds, self.warmup = seconds, warmup
        shutil.rmtree(self.work / 'tmp', ignore_errors=True)
        self.tmp = self._directory(self.work / 'tmp')
        self.mounts = self._directory(self.tmp / 'mounts')
        self.export = self._directory(self.work / 'export')
        self.file = self._make_file(self.export / 'data')
        self.disk = self._directory(self.tmp / 'disk')
        self.memory = self._memory(isolated)
        for directory in (self.disk, self.memory):
            shutil.copyfile(self.file, directory / 'data')
            (directory / 'data').chmod(0o644)
        self.key = self.tmp / 'key'
        self.path = run(self.programs / 'sfskey', 'gen', '--location', '127.0.0.1',
                        self.key).strip()
        self._enter_user()
        self.cpus = sorted(os.sched_getaffinity(0))

    @staticmethod
    def _directory(path):
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o755)
        return path

    @staticmethod
    def _make_file(path):
        if not path.exists() or path.stat().st_size != FILE_BYTES:
            with open(path, 'wb') as out:
                for _ in range(FILE_BYTES // 1_000_000):
                    out.write(os.urandom(1_000_000))
        path.chmod(0o644)
        return path

    def _memory(self, isolated):
        """A directory in memory."""
        if isolated:
            directory = self._directory(self.tmp / 'memory')
            isolation.mount_tmpfs(directory)
            return directory
        directory = self._directory(pathlib.Path('/dev/shm') / f'sfs_peers-{os.getuid()}')
        for old in directory.iterdir():
            old.unlink()
        return directory

    def _enter_user(self):
        """A key for us, and the server's table in which it is."""
        self.user_key, self.users = self.tmp / 'user.key', self.tmp / 'users'
        line = run(self.programs / 'sfskey', 'gen', '--user', self.user_key).strip()
        run(self.programs / 'sfskey', 'register', '--users', self.users, '--user',
            pwd.getpwuid(os.geteuid()).pw_name, line)

    def leave(self):
        """Gives back what was only for this run."""
        if self.memory.parent == pathlib.Path('/dev/shm'):
            shutil.rmtree(self.memory, ignore_errors=True)
        if not os.path.ismount(self.memory):
            shutil.rmtree(self.tmp, ignore_errors=True)

    def server_cpus(self, count):
        return self.cpus[:count]

    def client_cpus(self, count):
        """The CPUs that a server on so many leaves over; all if it leaves none."""
        return self.cpus[count:] or self.cpus

    def certificate(self):
        """(key, certificate), self-signed, for servers that need one."""
        key, certificate = self.tmp / 'tls_key.pem', self.tmp / 'tls_certificate.pem'
        if not certificate.exists():
            if not find('openssl'):
                raise LeftOut('openssl is not installed')
            run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                'ec_paramgen_curve:P-256', '-nodes', '-days', '30', '-subj', '/CN=localhost',
                '-keyout', key, '-out', certificate)
        return key, certificate

    def tls_load(self):
        """The client for nginx."""
        if not self._tls_load.exists():
            raise LeftOut(f'{self._tls_load} has not been built')
        return self._tls_load


def fresh(directory):
    """Removes what an earlier measurement has written."""
    for old in directory.iterdir():
        if old.name != 'data':
            shutil.rmtree(old) if old.is_dir() else old.unlink()
