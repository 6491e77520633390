"""What a figure depends on and does not say: the machine, the compiler, the commit."""
import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent


def said_by(*command):
    """The first line that a command prints, or `unknown`."""
    try:
        done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True)
    except OSError:
        return 'unknown'
    return done.stdout.partition('\n')[0] if done.returncode == 0 and done.stdout else 'unknown'


def cpus():
    """How many CPUs there are and of what kind."""
    model = re.search(r'^model name\s*: (.*)$', pathlib.Path('/proc/cpuinfo').read_text(), re.M)
    return f'{len(os.sched_getaffinity(0))} CPUs ({model[1] if model else "unknown"})'


def compiler():
    return said_by(os.environ.get('CXX', 'g++'), '--version')


def commit():
    return said_by('git', 'describe', '--always', '--dirty')
