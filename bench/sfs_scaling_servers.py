"""Starts file servers and loads them: one measurement of bench/sfs_scaling."""
import contextlib
import json
import os
import pathlib
import pwd
import re
import signal
import subprocess

FILE_BYTES = 200_000_000
CONNECTIONS = 8


class Failed(Exception):
    """A program did not do what it was started for; says which and how."""


class Workplace:
    """A directory with a file to serve and a key, and the programs of two builds, or of one."""

    def __init__(self, directory, build, with_uniprocessor=True):
        self.directory = pathlib.Path(directory)
        self.programs = pathlib.Path(build) / 'release/examples/sfsd'
        self.uniprocessor = pathlib.Path(build) / 'uniprocessor/examples/sfsd/sfsd'
        for program in (self.programs / 'sfsd', self.programs / 'sfsload',
                        *[self.uniprocessor][:with_uniprocessor]):
            if not program.exists():
                raise Failed(f'{program} has not been built: scons && '
                             'scons uniprocessor=1 build/uniprocessor/examples/sfsd/sfsd')
        self.export = self.directory / 'export'
        self.export.mkdir(parents=True, exist_ok=True)
        self.export.chmod(0o755)
        self.file = self.export / 'data'
        self.key = self.directory / 'key'
        self._make_file()
        if not self.key.exists():
            run(self.programs / 'sfskey', 'gen', '--location', '127.0.0.1', self.key)
        self.path = run(self.programs / 'sfskey', 'show', self.key).strip()
        self.user_key, self.users = self.directory / 'user.key', self.directory / 'users'
        if not self.users.exists():
            self._enter_user()

    def _enter_user(self):
        """A key for us, and the server's table in which it is: a mix of calls writes, too."""
        if self.user_key.exists():
            self.user_key.unlink()
        line = run(self.programs / 'sfskey', 'gen', '--user', self.user_key).strip()
        run(self.programs / 'sfskey', 'register', '--users', self.users, '--user',
            pwd.getpwuid(os.geteuid()).pw_name, line)

    def _make_file(self):
        if self.file.exists() and self.file.stat().st_size == FILE_BYTES:
            return
        with open(self.file, 'wb') as out:
            for _ in range(FILE_BYTES // 1_000_000):
                out.write(os.urandom(1_000_000))
        self.file.chmod(0o644)


def run(*command):
    done = subprocess.run([str(word) for word in command], text=True, capture_output=True)
    if done.returncode:
        raise Failed(f'{command[0]}: {done.stderr.strip()}')
    return done.stdout


@contextlib.contextmanager
def server(place, program, options, compute_bound=False, cpu=None):
    """A running server, as (pid, port). It is ended well when the block is left, however that is.

    With `compute_bound`, OpenSSL uses no vector instructions in it. With `cpu`, it runs only there.
    """
    environment = dict(os.environ)
    if compute_bound:
        environment['OPENSSL_ia32cap'] = '0:0'
    command = [str(program), '--export', str(place.export), '--key', str(place.key),
               '--users', str(place.users), '--listen', '127.0.0.1:0', *options]
    if cpu is not None:
        command = ['taskset', '--cpu-list', str(cpu), *command]
    process = subprocess.Popen(command, env=environment, text=True, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE)
    try:
        first = process.stdout.readline()
        port = re.search(r'on port (\d+)', first)
        if not port:
            raise Failed(f'{program} did not start')
        yield process.pid, int(port[1])
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def load(place, servers, op, suite, read_size, seconds, warmup):
    """Loads the servers and returns what sfsload measured."""
    command = [place.programs / 'sfsload', '--op', op, '--user-key', place.user_key,
               '--connections', CONNECTIONS, '--suite', suite, '--size', read_size,
               '--seconds', seconds, '--warmup', warmup,
               '--connect', ','.join(f'127.0.0.1%{port}' for _, port in servers),
               '--server-pid', ','.join(str(pid) for pid, _ in servers),
               f'{place.path}/data', place.file]
    figures = json.loads(run(*command))
    if not figures['checked']:
        raise Failed('sfsload checked nothing')
    cpu, delay = figures['server_cpu_s'], figures['server_delay_s']
    figures['corrected_mb_per_s'] = figures['mb_per_s'] * (cpu + delay) / cpu if cpu else 0
    return figures
