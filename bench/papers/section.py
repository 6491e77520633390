"""What a part of the report consists of, and how runs become figures.

An experiment is a module with NAME, `measure(context, note)`, which calls `note(run)` with a
dictionary for each measurement, and `section(runs)`, which makes a Section of these alone.
"""
import collections
import statistics

# `paper` says what the paper had, and where. `method` says what is done here.
Section = collections.namedtuple('Section', 'title paper method charts tables targets remarks')
# Rows are lists of words, as many as `head` has.
Table = collections.namedtuple('Table', 'title head rows')
# `met` is None if it could not be judged.
Target = collections.namedtuple('Target', 'what wanted reached met')
# How a line is drawn: a color, and whether it is dashed.
Series = collections.namedtuple('Series', 'name color dashed points')
Point = collections.namedtuple('Point', 'x middle low high')
Chart = collections.namedtuple('Chart', 'title x_label y_label log_x log_y series')

BLUE, LIGHT_BLUE, ORANGE = '#1f6fb2', '#8fb9dc', '#c7862d'
GREEN, RED = '#3c8d4f', '#b2413a'


def where(runs, **wanted):
    """The runs that have all these values."""
    return [run for run in runs if all(run.get(key) == value for key, value in wanted.items())]


def values(runs, figure):
    return [run[figure] for run in runs if run.get(figure) is not None]


def middle(runs, figure):
    """The median, or None if nothing was measured."""
    found = values(runs, figure)
    return statistics.median(found) if found else None


def ratio(a, b):
    return a / b if a is not None and b else None


def points(runs, x, y, scale=1):
    """A Point for each value of x."""
    made = []
    for at in sorted({run[x] for run in runs}):
        found = [value * scale for value in values(where(runs, **{x: at}), y)]
        if found:
            made.append(Point(at, statistics.median(found), min(found), max(found)))
    return made


def series(name, color, dashed, made):
    """A list of one Series, or of none without points."""
    return [Series(name, color, dashed, made)] if made else []


def number(value, digits=3):
    """For people: three digits that say something, or a dash."""
    if value is None:
        return '–'
    if abs(value) >= 1000:
        return f'{value:,.0f}'
    return f'{value:.{digits}g}' if abs(value) < 100 else f'{value:.0f}'


def times(value):
    return '–' if value is None else f'{value:.2f}'


def duration(us):
    """Of microseconds, in the unit that suits."""
    if us is None:
        return '–'
    for unit, size in (('s', 1e6), ('ms', 1e3)):
        if us >= size:
            return f'{us / size:.3g} {unit}'
    return f'{us:.3g} us'


def at_least(what, wanted, reached):
    """A Target for a figure that should not be smaller; None if it was not measured."""
    return Target(what, f'at least {wanted:g}', times(reached),
                  None if reached is None else reached >= wanted)


def at_most(what, wanted, reached, unit=''):
    return Target(what, f'at most {wanted:g}{unit}',
                  number(reached) + (unit if reached is not None else ''),
                  None if reached is None else reached <= wanted)
