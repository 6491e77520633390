"""What each coloring step changes in httpd and gains; bench/papers/sfs.py has the file server's."""
import contextlib

from . import web
from .colored import colored_lines
from .section import Section, Table, middle, number, ratio, times, where
from .web_servers import Httpd

NAME = 'steps'
STEPS = {'none': 'no colors', 'connections': 'connections',
         'all': 'and the cache\'s misses, and the log'}
CLIENTS = 256


def measure(context, note):
    if not context.wants(NAME):
        return
    web.make_files(context)
    cpus = min(2, len(context.cpus))
    with contextlib.ExitStack() as stack:
        running = {step: (server, stack.enter_context(server.running(context, cpus, CLIENTS)))
                   for step, server in ((step, Httpd(step, step)) for step in STEPS)}
        for mix in context.some_of(list(web.MIXES)):
            for step, (server, (pids, port)) in running.items():
                context.show(f'{NAME}/{step}/{mix}')
                note({'step': step, 'mix': mix, **web.load(context, server, pids, port, cpus, mix,
                                                           CLIENTS)})
    note(colored_lines(context, 'httpd'))


def _row(runs, counted, step):
    row = [STEPS[step], str({'none': 0, **counted['lines']}[step]) if counted else '–']
    for mix in web.MIXES:
        rate = middle(where(runs, step=step, mix=mix), 'replies_per_s')
        row += [number(rate),
                times(ratio(rate, middle(where(runs, step='none', mix=mix), 'replies_per_s')))]
    return row


def section(runs):
    counted = next((run for run in reversed(runs) if 'lines' in run), None)
    head = ['colored', 'lines changed']
    for mix in web.MIXES:
        head += [f'{web.short(mix)}: replies/s', 'speed-up']
    return Section(
        'A Web server, colored step by step',
        '"Multiprocessor support for event-driven programs" (Zeldovich and others, USENIX 2003): '
        'programs are made parallel incrementally, one kind of event after the other. Their Web '
        'server, which computes little, became 1.5 times as fast on four CPUs.',
        f'httpd on two CPUs, with {CLIENTS} clients on the same two: no colors is what one CPU can '
        'do while the clients have the other.',
        [], [Table('httpd on 2 CPUs', head, [_row(runs, counted, step) for step in STEPS])], [],
        [f'{sum(counted["lines"].values())} lines of {counted["of"]:,} were changed to color it.']
        if counted else [])
