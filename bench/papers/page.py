"""The report: a table on the terminal, and one page of HTML with everything in it."""
import html

from . import chart

STYLE = '''
body { font: 15px/1.5 Helvetica, Arial, sans-serif; color: #222; background: #fff;
       max-width: 1180px; margin: 2em auto; padding: 0 1.5em; }
h1 { font-size: 26px; margin-bottom: 0.2em; } h2 { font-size: 20px; margin: 2.2em 0 0.4em;
       border-top: 1px solid #ddd; padding-top: 1em; }
h3 { font-size: 15px; margin: 1.2em 0 0.3em; }
p { max-width: 52em; margin: 0.5em 0; } .facts, .remark { color: #555; font-size: 13px; }
.paper { border-left: 3px solid #c7862d; padding-left: 0.8em; }
.charts { display: flex; flex-wrap: wrap; gap: 1em 1.5em; margin: 1em 0; }
table { border-collapse: collapse; font-size: 13px; margin: 0.4em 0 1em; }
th, td { padding: 0.2em 0.9em 0.2em 0; text-align: right; border-bottom: 1px solid #eee;
         vertical-align: top; }
th:first-child, td:first-child { text-align: left; } th { color: #555; font-weight: normal; }
.targets td, .targets th { text-align: left; } .met { color: #3c8d4f; } .missed { color: #b2413a; }
'''
JUDGED = {True: 'met', False: 'missed', None: 'not measured'}


def _cells(kind, words):
    return ''.join(f'<{kind}>{html.escape(word)}</{kind}>' for word in words)


def _table(table):
    rows = ''.join(f'<tr>{_cells("td", row)}</tr>\n' for row in table.rows)
    return (f'<h3>{html.escape(table.title)}</h3>\n<table>\n<tr>{_cells("th", table.head)}</tr>\n'
            f'{rows}</table>\n')


def _targets(targets):
    rows = ''.join(f'<tr>{_cells("td", target[:3])}<td class="{JUDGED[target.met]}">'
                   f'{JUDGED[target.met]}</td></tr>\n' for target in targets)
    head = _cells('th', ('Target', 'wanted', 'reached', ''))
    return f'<h3>Targets</h3>\n<table class="targets">\n<tr>{head}</tr>\n{rows}</table>\n'


def _paragraphs(kind, lines):
    return ''.join(f'<p class="{kind}">{html.escape(words)}</p>\n' for words in lines)


def _section(section):
    parts = [f'<h2>{html.escape(section.title)}</h2>\n', _paragraphs('paper', [section.paper]),
             _paragraphs('method', [section.method])]
    if section.charts:
        drawn = [each if isinstance(each, str) else chart.draw(each) for each in section.charts]
        parts.append('<div class="charts">\n' + '\n'.join(drawn) + '\n</div>\n')
    if section.targets:
        parts.append(_targets(section.targets))
    parts += [_table(table) for table in section.tables if table.rows]
    parts.append(_paragraphs('remark', section.remarks))
    return ''.join(parts)


def write(path, facts, sections):
    """Writes the page. `facts` are lines about the machine and the measuring."""
    path.write_text(
        '<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f'<title>The papers, measured</title>\n<style>{STYLE}</style>\n'
        '<h1>The papers, measured</h1>\n'
        '<p>What the papers on events and threads measured, on today\'s machine, with their '
        'opponents in the same run. Points are medians, bars go from the least to the most of the '
        'runs.</p>\n' + _paragraphs('facts', facts)
        + ''.join(_section(section) for section in sections) + '</html>\n')


def print_table(table):
    widths = [max(map(len, column)) for column in zip(table.head, *table.rows)]
    print(f'\n  {table.title}')
    for cells in [table.head, *table.rows]:
        print('    ' + '  '.join(cell.rjust(width) if i else cell.ljust(width) for i, (cell, width)
                                 in enumerate(zip(cells, widths))).rstrip())


def print_section(section):
    print(f'\n{section.title}')
    for table in section.tables:
        if table.rows:
            print_table(table)
    if section.targets:
        print('\n  Targets')
    for target in section.targets:
        print(f'    {JUDGED[target.met]:13} {target.what}: {target.wanted}, '
              f'reached {target.reached}')
    for words in section.remarks:
        print(f'  {words}')
