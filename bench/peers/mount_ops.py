#!/usr/bin/env python3
"""Small operations through mounts: one process for each path given does one of them over and over.

usage: mount_ops.py getattr|random_read|create_delete SECONDS PATH...

PATH is a file, or a directory for create_delete. Prints the number of operations and the seconds
they took. A file made and removed is one operation.
"""
import os
import random
import sys
import time

BLOCK = 4096


def getattr_once(path):
    while True:
        os.stat(path)
        yield


def random_read(path):
    file = os.open(path, os.O_RDONLY)
    blocks = os.fstat(file).st_size // BLOCK
    while True:
        if len(os.pread(file, BLOCK, random.randrange(blocks) * BLOCK)) != BLOCK:
            sys.exit('a read was too short')
        yield


def create_delete(path):
    name = os.path.join(path, f'made-{os.getpid()}')
    while True:
        os.close(os.open(name, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600))
        os.unlink(name)
        yield


def count(operations, until):
    done = 0
    for _ in operations:
        done += 1
        if time.monotonic() >= until:
            return done


def main():
    kinds = {'getattr': getattr_once, 'random_read': random_read, 'create_delete': create_delete}
    kind, seconds, paths = kinds[sys.argv[1]], float(sys.argv[2]), sys.argv[3:]
    began = time.monotonic()
    pipes = []
    for path in paths:
        reading, writing = os.pipe()
        if os.fork() == 0:
            os.write(writing, str(count(kind(path), began + seconds)).encode())
            os._exit(0)
        os.close(writing)
        pipes.append(reading)
    counts = [os.read(pipe, 32) for pipe in pipes]
    if not all(counts):
        sys.exit('a process has failed')
    print(sum(map(int, counts)), time.monotonic() - began)


main()
