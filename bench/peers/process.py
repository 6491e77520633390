"""Servers as processes: started, pinned, measured and ended for certain."""
import collections
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

Usage = collections.namedtuple('Usage', 'cpu delay')


_ports = [20_000]


class LeftOut(Exception):
    """Something could not be measured; says why in one line."""


def need(*programs):
    for program in programs:
        if not find(program):
            raise LeftOut(f'{program} is not installed')


def find(program):
    """A program's path, also where only daemons are; or None."""
    return shutil.which(program, path=os.environ.get('PATH', '') + ':/usr/sbin:/sbin')


def run(*command, cpus=None, timeout=300, **options):
    """Runs a program to its end and returns what it printed."""
    command = pinned([str(word) for word in command], cpus)
    try:
        done = subprocess.run(command, text=True, capture_output=True, stdin=subprocess.DEVNULL,
                              timeout=timeout, **options)
    except subprocess.TimeoutExpired:
        raise LeftOut(f'{os.path.basename(command[0])} did not end') from None
    if done.returncode:
        name = os.path.basename(command[0] if cpus is None else command[3])
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        why = said[-1].removeprefix(f'{name}: ') if said else f'exit status {done.returncode}'
        raise LeftOut(f'{name}: {why}')
    return done.stdout


def pinned(command, cpus):
    return command if cpus is None else ['taskset', '--cpu-list', ','.join(map(str, cpus)),
                                         *command]


def free_port():
    """A port that nobody has, and that no client gets by chance: it might connect to itself."""
    for port in range(_ports[0], _ports[0] + 10_000):
        with socket.socket() as s, contextlib.suppress(OSError):
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(('127.0.0.1', port))
            _ports[0] = port + 1
            return port
    raise LeftOut('there is no free port')


@contextlib.contextmanager
def daemon(log, cpus, *command, port=None, **options):
    """A running server (Popen). With `port`, waits until it listens there."""
    with open(log, 'wb') as out:
        process = subprocess.Popen(pinned([str(word) for word in command], cpus),
                                   stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                   start_new_session=True, **options)
    try:
        if port:
            _wait_for(process, port, log)
        yield process
    finally:
        end(process)


def end(process, patience=5):
    """Ends a process that leads a session, and all that it has started."""
    family = tree([process.pid])
    for sign in (signal.SIGTERM, signal.SIGKILL):
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=patience)


def _wait_for(process, port, log, seconds=20):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(('127.0.0.1', port), 1):
            return
        time.sleep(0.02)
    said = pathlib.Path(log).read_text(errors='replace').strip().splitlines()
    raise LeftOut(f'{os.path.basename(process.args[3])} did not start'
                  + (f': {said[-1]}' if said else ''))


def tree(pids):
    """These processes and all their descendants."""
    children = collections.defaultdict(list)
    for entry in os.scandir('/proc'):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                stat = pathlib.Path(entry.path, 'stat').read_text()
                children[int(stat.rpartition(')')[2].split()[1])].append(int(entry.name))
    found, left = [], list(pids)
    while left:
        found.append(left.pop())
        left += children[found[-1]]
    return found


def usage(pids):
    """CPU time and run delay of these processes, in seconds."""
    cpu = delay = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for task in os.scandir(f'/proc/{pid}/task'):
                with contextlib.suppress(OSError):
                    ran, waited = pathlib.Path(task.path, 'schedstat').read_text().split()[:2]
                    cpu += int(ran)
                    delay += int(waited)
    return Usage(cpu * 1e-9, delay * 1e-9)
