"""TLS: bytes for each second of the server's CPU time, in httpd and nginx."""
import contextlib
import json
import os
import pwd

from peers import process
from peers.file_servers import NGINX
from peers.process import LeftOut, daemon, find, free_port, need, tree

from .section import Section, Table, at_least, middle, number, ratio, where
from .web_servers import family

NAME = 'tls'
BYTES = 64 * 1024  # of each request
FILE_BYTES = 8 * 1024 * 1024
CONNECTIONS = 8


def _certificate(context):
    need('openssl')
    key, certificate = context.work / 'tls_key.pem', context.work / 'tls_certificate.pem'
    if not certificate.exists():
        process.run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                    'ec_paramgen_curve:P-256', '-nodes', '-days', '30', '-subj', '/CN=localhost',
                    '-keyout', key, '-out', certificate)
    return key, certificate


@contextlib.contextmanager
def _nginx(context):
    need('nginx')
    key, certificate = _certificate(context)
    port = free_port()
    tmp = context.fresh_directory(f'nginx-tls-{port}')
    config = tmp / 'nginx.conf'
    config.write_text(NGINX.format(
        workers=1, tmp=tmp, port=port, directory=context.root, key=key, certificate=certificate,
        buffer='64k', user='' if os.geteuid() else f'user {pwd.getpwuid(0).pw_name};'))
    with daemon(tmp / 'log', context.cpus[:1], find('nginx'), '-c', config, '-e',
                tmp / 'error.log', port=port) as server:
        yield family(server.pid, 2), port


@contextlib.contextmanager
def _httpd(context):
    if not context.httpd.exists():
        raise LeftOut(f'{context.httpd} has not been built')
    key, certificate = _certificate(context)
    port = free_port()
    tmp = context.fresh_directory(f'httpd-tls-{port}')
    with daemon(tmp / 'log', context.cpus[:1], context.httpd, '--root', context.root, '--cpus', 1,
                '--tls-listen', f'127.0.0.1:{port}', '--certificate', certificate, '--key', key,
                port=port) as server:
        yield tree([server.pid]), port


SERVERS = {'httpd': _httpd, 'nginx': _nginx}


def measure(context, note):
    context.root.mkdir(parents=True, exist_ok=True)
    context.root.chmod(0o755)
    file = context.root / 'tls'
    file.write_bytes(os.urandom(FILE_BYTES))
    file.chmod(0o644)
    for name, running in SERVERS.items():
        if not context.wants(f'{NAME}/{name}'):
            continue
        context.show(f'{NAME}/{name}')
        try:
            with running(context) as (pids, port):
                run = json.loads(context.run(
                    context.build / 'bench/peers/tls_load', '--connections', CONNECTIONS,
                    '--request', BYTES, '--seconds', 1 if context.brief else 3,
                    '--warmup', 0 if context.brief else 1,
                    '--server-pid', ','.join(map(str, pids)), port, '/tls', file,
                    cpus=context.cpus[1:] or context.cpus))
        except LeftOut as reason:
            context.leave_out(f'{name} with TLS', reason)
            continue
        note({'server': name, 'mb_per_s': run['bytes'] * 1e-6 / run['seconds'],
              'mb_per_cpu_s': ratio(run['bytes'] * 1e-6, run['server_cpu_s'])})


def section(runs):
    speed = {name: middle(where(runs, server=name), 'mb_per_cpu_s') for name in SERVERS}
    return Section(
        'TLS',
        'No paper: the file server of the SFS paper encrypts by a protocol of its own, and servers '
        'of today speak TLS.',
        f'Ranges of {BYTES // 1024} KiB of a file in memory over TLS 1.3 with AES-128-GCM, '
        f'{CONNECTIONS} connections with up to 32 requests under way on each, one CPU; the client '
        'discards what comes.',
        [], [Table('MB for each second of CPU time', ['', 'MB/CPU s', 'MB/s'],
                   [[name, number(speed[name]),
                     number(middle(where(runs, server=name), 'mb_per_s'))] for name in SERVERS])],
        [at_least('httpd over nginx, bytes for each second of CPU time', 0.9,
                  ratio(speed['httpd'], speed['nginx']))], [])
