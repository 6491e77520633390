"""The table and the JSON of bench/sfs_peers."""
import json
import statistics


def middle(runs, figure):
    values = [run[figure] for run in runs if figure in run]
    return statistics.median(values) if values else None


def spread(runs, figure):
    values = [run[figure] for run in runs if figure in run]
    return (max(values) - min(values)) / statistics.median(values) if values else 0


def _cell(value, form):
    return '-' if value is None else format(value, form)


def print_table(all_of, names):
    """`names` are those of the sides."""
    head = ('', 'MB/s', 'per s', 'ours/it', 'correct.', 'CPU s/GB', 'CPU us', 'speed-up', 'spread')
    print('{:44}{:>8}{:>10}{:>9}{:>9}{:>9}{:>8}{:>9}{:>8}'.format(*head))
    last = None
    for (name, side), runs in sorted(all_of.items(), key=lambda item: _order(all_of, item[0])):
        if name != last:
            print(name)
        last = name
        if 'bytes' in runs[0]:
            print(f'  {names[side]:42}{middle(runs, "bytes"):8.0f} bytes for each')
            continue
        ours = all_of.get((name, 'ours'))
        rate = middle(runs, 'rate')
        beside = middle(ours, 'rate') / rate if ours else None
        wide = 'corrected_mb_per_s' if 'mb_per_s' in runs[0] else 'corrected_rate'
        print(f'  {names[side]:42}' + _cell(middle(runs, 'mb_per_s'), '8.0f').rjust(8)
              + f'{rate:10.0f}' + _cell(beside, '9.2f').rjust(9)
              + _cell(middle(runs, wide), '9.0f').rjust(9)
              + _cell(middle(runs, 'cpu_s_per_gb'), '9.3f').rjust(9)
              + _cell(middle(runs, 'cpu_us_per_op'), '8.1f').rjust(8)
              + _cell(middle(runs, 'speedup'), '9.2f').rjust(9)
              + f'{spread(runs, "rate"):8.0%}')


def _order(all_of, key):
    """As measured; ours before its peers."""
    names = list(dict.fromkeys(name for name, _ in all_of))
    return names.index(key[0]), key[1] != 'ours'


def write_google(all_of, path):
    """What Google Benchmark would write, for tools/bench_report.py; what has no figure of ours is
    only in the table."""
    benchmarks = []
    for family, ((name, side), runs) in enumerate(all_of.items()):
        if (name, 'ours') not in all_of:
            continue
        for i, run in enumerate(runs):
            full = f'peers/{name}/{side}'
            benchmarks.append({'name': full, 'run_name': full, 'run_type': 'iteration',
                               'family_index': family, 'repetition_index': i,
                               'real_time': run.get('ns', 0), 'time_unit': 'ns', **run})
    path.write_text(json.dumps({'benchmarks': benchmarks}, indent=1) + '\n')


def write_lines(all_of, path):
    """JSON lines: each figure of ours beside each peer's."""
    with open(path, 'a') as out:
        for (name, side), runs in all_of.items():
            ours = all_of.get((name, 'ours'))
            for figure in runs[0]:
                if not ours or middle(ours, figure) is None or middle(runs, figure) is None:
                    continue
                mine, its = middle(ours, figure), middle(runs, figure)
                alone = side == 'ours'
                out.write(json.dumps({
                    'name': f'peers/{name} {figure}', 'unit': figure, 'ours': mine,
                    'peer_name': None if alone else side.removeprefix('peer:'),
                    'peer': None if alone else its, 'ratio': None if alone or not its
                    else mine / its, 'target': None, 'met': None, 'runs': len(runs),
                    'spread': spread(ours, figure)}) + '\n')
