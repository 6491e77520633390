"""Servers of whole files, each with the cheapest client there is: nginx, OpenSSH's sftp, Samba."""
import contextlib
import json
import os
import pwd
import subprocess
import threading
import time

from . import process
from .place import FILE_BYTES, Figures, fresh
from .process import LeftOut, daemon, free_port, need, tree, usage

NGINX = '''
daemon off; worker_processes {workers}; pid {tmp}/nginx.pid; error_log {tmp}/nginx.err; {user}
events {{ worker_connections 1024; }}
http {{
    client_body_temp_path {tmp}/nginx_body; proxy_temp_path {tmp}/nginx_proxy;
    fastcgi_temp_path {tmp}/nginx_fastcgi; uwsgi_temp_path {tmp}/nginx_uwsgi;
    scgi_temp_path {tmp}/nginx_scgi;
    access_log off; keepalive_requests 100000000; tcp_nodelay on; open_file_cache max=100;
    sendfile off; output_buffers 2 {buffer}; ssl_buffer_size {buffer};
    ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
    ssl_certificate {certificate}; ssl_certificate_key {key};
    server {{
        listen 127.0.0.1:{port} ssl reuseport; root {directory}; add_header X-Worker $pid;
    }}
}}
'''


class Nginx:
    """One worker for each CPU; the client divides its connections among them equally."""
    does = ('read',)

    def __init__(self, name, side, request, buffer):
        self.name, self.side = name, side
        self._request, self._buffer = request, buffer

    @contextlib.contextmanager
    def running(self, place, cpus, directory):
        need('nginx')
        key, certificate = place.certificate()
        port = free_port()
        config = place.tmp / 'nginx.conf'
        config.write_text(NGINX.format(
            workers=cpus, tmp=place.tmp, port=port, directory=directory, key=key,
            certificate=certificate, buffer=self._buffer,
            user='' if os.geteuid() else f'user {pwd.getpwuid(0).pw_name};'))
        command = [process.find('nginx'), '-c', config, '-e', place.tmp / 'nginx.err']
        with daemon(place.tmp / 'nginx.log', place.server_cpus(cpus), *command,
                    port=port) as server:
            self._place, self._cpus, self._port, self._pid = place, cpus, port, server.pid
            yield self

    def read(self, clients):
        place = self._place
        workers = min(self._cpus, clients)
        request = ['--request', self._request] if self._request else []
        figures = json.loads(process.run(
            place.tls_load(), '--connections', clients, '--seconds', place.seconds, '--warmup',
            place.warmup, *request, '--workers', workers, '--server-pid',
            ','.join(map(str, tree([self._pid]))), self._port, '/data', place.file,
            cpus=place.client_cpus(self._cpus)))
        return Figures(figures['seconds'], figures['bytes'], figures['bytes'] / 65536,
                       figures['server_cpu_s'], figures['server_delay_s'])


class Session:
    """A client that reads commands: sftp and smbclient.

    smbclient polls its input and then reads it through a buffer: a second line that comes with the
    first is not seen until there is more. With `line_size`, each line fills that buffer.
    """
    DONE = 'all-of-it-is-done'
    PATIENCE = 120

    def __init__(self, stack, command, cpus, trouble=(), line_size=0, **options):
        self._process = subprocess.Popen(
            process.pinned([str(word) for word in command], cpus), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace',
            start_new_session=True, **options)
        self._trouble = trouble  # what it prints when something fails
        self._line_size = line_size
        stack.callback(self._end)

    def begin(self, *commands):
        lines = [line.ljust(self._line_size - 1) for line in
                 (*commands, f'!echo; echo {self.DONE}')]
        with contextlib.suppress(OSError):  # wait() says what happened
            self._process.stdin.write('\n'.join([*lines, '']))
            self._process.stdin.flush()

    def wait(self):
        said = ''
        too_late = threading.Timer(self.PATIENCE, self._process.kill)
        too_late.start()
        try:
            for line in self._process.stdout:
                if line.strip() == self.DONE:
                    return
                if any(sign in line for sign in self._trouble):
                    raise LeftOut(line.strip())
                said = line.strip() or said
        finally:
            too_late.cancel()
        raise LeftOut(f'the client has ended: {said}')

    def _end(self):
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        process.end(self._process, patience=2)
        self._process.stdout.close()


def transfer(sessions, commands, seconds, pids, repeat=True):
    """Figures of all sessions moving the file at the same time, again and again for some time."""
    def once(times):
        began = time.monotonic()
        for session, command in zip(sessions, commands):
            session.begin(*[command] * times)
        for session in sessions:
            session.wait()
        return time.monotonic() - began

    times = max(1, round(seconds / once(1))) if repeat else 1
    before = usage(tree(pids))
    elapsed = once(times)
    after = usage(tree(pids))
    moved = FILE_BYTES * len(sessions) * times
    return Figures(elapsed, moved, moved / 65536, after.cpu - before.cpu,
                   after.delay - before.delay)


class SessionServer:
    """What sftp and Samba have in common: a client is a process that is told what to do."""
    does = ('read', 'write')

    def read(self, clients):
        with contextlib.ExitStack() as stack:
            sessions = [self._session(stack) for _ in range(clients)]
            return transfer(sessions, ['get data /dev/null'] * clients, self._place.seconds,
                            [self._pid])

    def write(self, clients, directory, stable):
        fresh(directory)
        put = self._put(stable)
        with contextlib.ExitStack() as stack:
            sessions = [self._session(stack) for _ in range(clients)]
            for session in sessions:  # connected
                session.begin()
                session.wait()
            return transfer(sessions, [f'{put} {self._place.file} copy-{i}'
                                       for i in range(clients)],
                            0, [self._pid], repeat=False)


SSHD = '''
Port {port}
ListenAddress 127.0.0.1
HostKey {host_key}
AuthorizedKeysFile {user_key}.pub
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
Ciphers aes128-gcm@openssh.com
MaxStartups 1000
MaxSessions 1000
Subsystem sftp {sftp_server}
'''
SFTP_SERVERS = ('/usr/lib/openssh/sftp-server', '/usr/libexec/openssh/sftp-server',
                '/usr/lib/ssh/sftp-server')


class Sftp(SessionServer):
    name, side = 'sftp', 'peer:sftp'

    @contextlib.contextmanager
    def running(self, place, cpus, directory):
        need('sshd', 'sftp', 'ssh-keygen')
        sftp_server = next((path for path in SFTP_SERVERS if os.path.exists(path)), None)
        if not sftp_server:
            raise LeftOut('openssh-sftp-server is not installed')
        keys = {name: place.tmp / f'ssh_{name}' for name in ('host_key', 'user_key')}
        for key in keys.values():
            if not key.exists():
                process.run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key)
        port = free_port()
        config = place.tmp / 'sshd.conf'
        config.write_text(SSHD.format(port=port, sftp_server=sftp_server, **keys))
        with daemon(place.tmp / 'sshd.log', place.server_cpus(cpus), process.find('sshd'), '-D',
                    '-e', '-f', config, port=port) as server:
            self._place, self._cpus, self._pid = place, cpus, server.pid
            self.directory, self.pids = directory, [server.pid]
            self.options = ['-F', '/dev/null', '-o', f'Port={port}',
                            '-o', f'IdentityFile={keys["user_key"]}',
                            '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null',
                            '-o', 'LogLevel=ERROR', '-o', 'Ciphers=aes128-gcm@openssh.com']
            self.host = f'{pwd.getpwuid(os.geteuid()).pw_name}@127.0.0.1:{directory}'
            yield self

    def _session(self, stack):
        command = ['sftp', *self.options, '-b', '-', '-B', 65536, '-R', 64, self.host]
        return Session(stack, command, self._place.client_cpus(self._cpus))

    @staticmethod
    def _put(stable):
        return 'put -f' if stable else 'put'


SAMBA = '''
[global]
server role = standalone server
interfaces = lo
bind interfaces only = yes
smb ports = {port}
disable netbios = yes
private dir = {tmp}
lock directory = {tmp}
state directory = {tmp}
cache directory = {tmp}
pid directory = {tmp}
ncalrpc dir = {tmp}/ncalrpc
log file = {tmp}/log.%m
passdb backend = tdbsam:{tmp}/passdb.tdb
load printers = no
printcap name = /dev/null
disable spoolss = yes
server min protocol = SMB3_11
client min protocol = SMB3_11
server smb encrypt = required
client smb encrypt = required
server smb3 encryption algorithms = AES-128-GCM
client smb3 encryption algorithms = AES-128-GCM
{sizes}
[export]
path = {directory}
read only = no
'''


class Samba(SessionServer):
    def __init__(self, name, side, block):
        """`block` is the size of each read and write; 0 lets Samba choose (up to 8 MiB)."""
        self.name, self.side, self._block = name, side, block

    @contextlib.contextmanager
    def running(self, place, cpus, directory):
        need('smbd', 'smbclient', 'smbpasswd')
        if os.geteuid():
            raise LeftOut('smbd needs to be root')
        port = free_port()
        tmp = place.tmp / 'samba'
        tmp.mkdir(exist_ok=True)
        config = tmp / 'smb.conf'
        sizes = f'smb2 max read = {self._block}\nsmb2 max write = {self._block}'
        config.write_text(SAMBA.format(port=port, tmp=tmp, directory=directory,
                                       sizes=sizes if self._block else ''))
        self._password = 'only-for-this-run'
        process_options = {'input': f'{self._password}\n' * 2}
        self._user = pwd.getpwuid(0).pw_name
        done = subprocess.run([process.find('smbpasswd'), '-c', config, '-L', '-a', '-s',
                               self._user], text=True, capture_output=True, **process_options)
        if done.returncode:
            raise LeftOut(f'smbpasswd: {done.stderr.strip()}')
        with daemon(place.tmp / 'smbd.log', place.server_cpus(cpus), process.find('smbd'),
                    '--foreground', '--no-process-group', '--debug-stdout', '-s', config,
                    port=port) as server:
            self._place, self._cpus, self._pid = place, cpus, server.pid
            self._config, self._port = config, port
            yield self

    def _session(self, stack):
        environment = {**os.environ, 'PASSWD': self._password}
        command = ['smbclient', '//127.0.0.1/export', '-p', self._port, '-U', self._user,
                   '-s', self._config, '--client-protection=encrypt', '-m', 'SMB3_11']
        session = Session(stack, command, self._place.client_cpus(self._cpus),
                          ('NT_STATUS', 'failed'), line_size=4096, env=environment)
        if self._block:
            session.begin(f'iosize {32 * self._block}')  # the window: how much is under way
            session.wait()
        return session

    @staticmethod
    def _put(stable):
        if stable:
            raise LeftOut('smbclient cannot ask for the file to be stored')
        return 'put'
