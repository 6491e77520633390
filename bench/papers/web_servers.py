"""Servers of static files over HTTP/1.1, each with the same directory: httpd and nginx."""
import contextlib
import os
import pwd
import re
import time

from peers import process
from peers.process import LeftOut, daemon, free_port, need, tree

NGINX = '''
daemon off; worker_processes {cpus}; pid {tmp}/pid; error_log {tmp}/error.log; {user}
events {{ worker_connections {connections}; }}
http {{
    client_body_temp_path {tmp}/body; proxy_temp_path {tmp}/proxy;
    fastcgi_temp_path {tmp}/fastcgi; uwsgi_temp_path {tmp}/uwsgi; scgi_temp_path {tmp}/scgi;
    access_log off; keepalive_requests 1000000000; keepalive_timeout 1h; tcp_nodelay on;
    sendfile {sendfile}; tcp_nopush {sendfile}; output_buffers 2 64k; {more}
    server {{
        listen 127.0.0.1:{port} reuseport backlog=4096; root {root}; {header}
    }}
}}
'''


def family(pid, size):
    """A process and its descendants, when there are so many: a port may be open before that."""
    until = time.monotonic() + 5
    while len(found := tree([pid])) < size:
        if time.monotonic() > until:
            raise LeftOut(f'of {size} processes there are {len(found)}')
        time.sleep(0.01)
    return found


class Nginx:
    """A worker for each CPU, with the rest as it is installed, or with `more` in its configuration.

    When less than a sixteenth of its connections are free, it closes idle ones: it has more.
    """

    def __init__(self, name, sendfile, more=''):
        self.name, self._sendfile, self._more = name, sendfile, more

    @contextlib.contextmanager
    def running(self, context, cpus, connections):
        """Yields (pids, port); the first pid is the others' parent."""
        need('nginx')
        port = free_port()
        tmp = context.fresh_directory(f'nginx-{port}')
        config = tmp / 'nginx.conf'
        config.write_text(NGINX.format(
            cpus=cpus, tmp=tmp, port=port, root=context.root,
            connections=connections * 9 // 8 + 200,
            sendfile='on' if self._sendfile else 'off', more=self._more,
            header='add_header X-Worker $pid;' if cpus > 1 else '',
            user='' if os.geteuid() else f'user {pwd.getpwuid(0).pw_name};'))
        with daemon(tmp / 'log', context.cpus[:cpus], process.find('nginx'), '-c', config, '-e',
                    tmp / 'error.log', port=port) as server:
            yield family(server.pid, 1 + cpus), port

    @staticmethod
    def workers(cpus):
        """How many processes a client has to divide its connections among."""
        return cpus


class Httpd:
    """This project's server: one process, all of it colored (or up to a step)."""

    def __init__(self, name, parallel='all'):
        self.name, self._parallel = name, parallel

    @contextlib.contextmanager
    def running(self, context, cpus, connections):
        if not context.httpd.exists():
            raise LeftOut(f'{context.httpd} has not been built')
        port = free_port()
        tmp = context.fresh_directory(f'httpd-{port}')
        with daemon(tmp / 'log', context.cpus[:cpus], context.httpd, '--root', context.root,
                    '--listen', f'127.0.0.1:{port}', '--cpus', cpus, '--parallel', self._parallel,
                    '--max-clients', connections + 200, '--keep-alive', 3600,
                    port=port) as server:
            yield tree([server.pid]), port

    @staticmethod
    def workers(_):
        return 1


SERVERS = {
    'httpd': Httpd('httpd'),
    'nginx_sendfile': Nginx('nginx, sendfile', True),
    'nginx': Nginx('nginx, without sendfile', False),
    'nginx_open': Nginx('nginx, without sendfile, with open_file_cache', False,
                        'open_file_cache max=1000; open_file_cache_valid 1h;'),
}


def user_bytes(pids):
    """What these processes have in memory that is not of a file; of what they share, each once."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError), open(f'/proc/{pid}/smaps_rollup') as rollup:
            total += 1024 * int(re.search(r'^Pss_Anon:\s+(\d+)', rollup.read(), re.M)[1])
    return total
