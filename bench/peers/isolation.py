"""A private world for the servers: network, processes and mounts of their own.

Nothing that a peer does can then be seen outside (rpcbind's port, files in /run, mounts), and
whatever it leaves running ends with the script, however that ends.
"""
import fcntl
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys

_INSIDE = 'SFS_PEERS_ISOLATED'
_UNSHARE = ['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
_SIOCSIFFLAGS, _SIOCSIFADDR = 0x8914, 0x8916
_IFF_UP, _IFF_RUNNING = 0x1, 0x40


def enter():
    """Starts the script again inside, if that is allowed. Returns whether it is inside."""
    if os.environ.get(_INSIDE):
        _furnish()
        return True
    if os.geteuid() or not shutil.which('unshare'):
        return False
    if subprocess.run([*_UNSHARE, 'true'], capture_output=True).returncode:
        return False
    os.environ[_INSIDE] = '1'
    sys.stdout.flush()
    os.execvp('unshare', [*_UNSHARE, sys.executable, *sys.argv])


def _furnish():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, _SIOCSIFFLAGS, struct.pack('16sh14x', b'lo', _IFF_UP | _IFF_RUNNING))
        # With nothing but 127.0.0.1, getaddrinfo() says that there is no IPv4 here (AI_ADDRCONFIG).
        fcntl.ioctl(s, _SIOCSIFADDR, struct.pack('16sHH4s8x', b'lo:1', socket.AF_INET, 0,
                                                 socket.inet_aton('192.0.2.1')))
    mount_tmpfs('/run')
    for name in ('sshd', 'rpcbind', 'ganesha'):
        pathlib.Path('/run', name).mkdir()
    if os.path.isdir('/var/lib/nfs'):
        mount_tmpfs('/var/lib/nfs')


def mount_tmpfs(directory):
    subprocess.run(['mount', '-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', str(directory)], check=True)
