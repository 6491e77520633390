"""Servers that speak NFS, and their client, sfsload: sfsd itself, and nfs-ganesha."""
import contextlib
import json
import re
import resource

from . import process
from .place import FILE_BYTES, Figures, fresh
from .process import LeftOut, daemon, free_port, need, tree

OPERATIONS = ('read', 'write', 'getattr', 'random_read', 'create_delete')
BLOCK = 65536


class NfsServer:
    """What is measured with sfsload is measured in the same way for all."""

    def __init__(self, place, cpus, pids, address):
        self.place, self.pids = place, pids
        self._client_cpus = place.client_cpus(cpus)
        self._address = address  # options and words of sfsload's command line

    def _load(self, op, clients, *options):
        place = self.place
        figures = json.loads(process.run(
            place.programs / 'sfsload', '--op', op, '--connections', clients, *options,
            '--seconds', place.seconds, '--warmup', place.warmup, '--server-pid',
            ','.join(map(str, tree(self.pids))), *self._address, place.file,
            cpus=self._client_cpus))
        return Figures(figures['seconds'], figures['bytes'], figures['replies'],
                       figures['server_cpu_s'], figures['server_delay_s'])

    def read(self, clients):
        return self._load('read', clients, '--size', BLOCK)

    def write(self, clients, directory, stable):
        fresh(directory)
        del stable  # COMMIT always; what that means, the file system says
        return self._load('write', clients, '--size', BLOCK, '--bytes', FILE_BYTES)

    def getattr(self, clients):
        return self._load('getattr', clients, '--window', 8)

    def random_read(self, clients):
        return self._load('random-read', clients, '--size', 4096, '--window', 8)

    def create_delete(self, clients):
        figures = self._load('create', clients, '--window', 8)
        return figures._replace(ops=figures.ops / 2)  # a file made and removed is one

    def bytes_per_idle_client(self, clients):
        place = self.place
        figures = json.loads(process.run(
            place.programs / 'sfsload', '--op', 'idle', '--connections', clients, '--seconds', 15,
            '--server-pid', ','.join(map(str, self.pids)), *self._address, place.file))
        return figures['bytes_per_client']


def raise_descriptor_limit(wanted):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
        except (OSError, ValueError) as error:
            raise LeftOut(f'no more than {hard} open files are allowed') from error


class Sfsd:
    name, side, does = 'sfsd', 'ours', OPERATIONS

    @staticmethod
    @contextlib.contextmanager
    def running(place, cpus, directory, *options):
        port = free_port()
        log = place.tmp / 'sfsd.log'
        command = [place.programs / 'sfsd', '--export', directory, '--key', place.key,
                   '--users', place.users, '--listen', f'127.0.0.1:{port}', '--cpus', cpus,
                   *options]
        with daemon(log, place.server_cpus(cpus), *command, port=port) as server:
            reach = ['--connect', f'127.0.0.1%{port}', '--user-key', place.user_key]
            address = ['--suite', 'aes-128-gcm', *reach, f'{place.path}/data']
            running = NfsServer(place, cpus, [server.pid], address)
            running.mount_options = reach
            yield running


GANESHA = '''
NFS_CORE_PARAM {{
    Protocols = 3; NFS_Port = {port}; MNT_Port = {mount_port}; Bind_addr = 127.0.0.1;
    Enable_NLM = false; Enable_RQUOTA = false; Enable_UDP = false; Plugins_Dir = "{plugins}";
}}
NFSv4 {{ Graceless = true; }}
LOG {{ Default_Log_Level = EVENT; }}
EXPORT {{
    Export_Id = 1; Path = "{directory}"; Pseudo = "/export"; Protocols = 3; Transports = TCP;
    Access_Type = RW; SecType = none, sys; Squash = All; Anonymous_Uid = {uid};
    Anonymous_Gid = {gid};
    FSAL {{ Name = VFS; }}
}}
'''


@contextlib.contextmanager
def ganesha(place, cpus, directory):
    """A running nfs-ganesha: (pids, port, port of MOUNT)."""
    need('ganesha.nfsd', 'rpcbind')
    plugins = _ganesha_plugins()
    port, mount_port = free_port(), free_port()
    owner = directory.stat()
    config = place.tmp / 'ganesha.conf'
    config.write_text(GANESHA.format(port=port, mount_port=mount_port, directory=directory,
                                     plugins=plugins, uid=owner.st_uid, gid=owner.st_gid))
    log = place.tmp / 'ganesha.log'
    with daemon(place.tmp / 'rpcbind.log', None, process.find('rpcbind'), '-f', '-w', port=111):
        command = [process.find('ganesha.nfsd'), '-F', '-f', config, '-L', '/dev/stdout', '-p',
                   place.tmp / 'ganesha.pid']
        with daemon(log, place.server_cpus(cpus), *command, port=port) as server:
            yield [server.pid], port, mount_port


def _ganesha_plugins():
    listed = process.run('dpkg-query', '--listfiles', 'nfs-ganesha-vfs')
    found = re.search(r'^(/.*)/libfsalvfs\.so$', listed, re.M)
    if not found:
        raise LeftOut('nfs-ganesha-vfs is not installed')
    return found[1]


class Ganesha:
    name, side, does = 'nfs-ganesha', 'peer:ganesha', OPERATIONS

    @staticmethod
    @contextlib.contextmanager
    def running(place, cpus, directory):
        with ganesha(place, cpus, directory) as (pids, port, mount_port):
            yield NfsServer(place, cpus, pids, _plain_address(port, mount_port, directory))


class GaneshaThroughStunnel:
    """The client decrypts too, by a second stunnel beside sfsload: see the server's CPU time."""
    name, side, does = 'nfs-ganesha + stunnel', 'peer:ganesha_stunnel', ('read', 'write')

    @staticmethod
    @contextlib.contextmanager
    def running(place, cpus, directory):
        need('stunnel')
        with contextlib.ExitStack() as stack:
            pids, port, mount_port = stack.enter_context(ganesha(place, cpus, directory))
            outer, inner = free_port(), free_port()
            server = stack.enter_context(_stunnel(
                place, 'server', place.server_cpus(cpus), outer,
                'cert = {1}\nkey = {0}\n'.format(*place.certificate()), port))
            stack.enter_context(_stunnel(place, 'client', place.client_cpus(cpus), inner,
                                         'client = yes\n', outer))
            yield NfsServer(place, cpus, [*pids, server.pid],
                            _plain_address(inner, mount_port, directory))


def _plain_address(port, mount_port, directory):
    return ['--plain', '--connect', f'127.0.0.1%{port}', '--mount-port', mount_port,
            f'{directory}:data']


def _stunnel(place, role, cpus, port, options, behind):
    config = place.tmp / f'stunnel_{role}.conf'
    config.write_text('foreground = yes\npid =\ndebug = err\nsslVersion = TLSv1.3\n'
                      'ciphersuites = TLS_AES_128_GCM_SHA256\nsocket = l:TCP_NODELAY=1\n'
                      f'socket = r:TCP_NODELAY=1\n[nfs]\n{options}accept = 127.0.0.1:{port}\n'
                      f'connect = 127.0.0.1:{behind}\n')
    return daemon(place.tmp / f'stunnel_{role}.log', cpus, process.find('stunnel'), config,
                  port=port)
