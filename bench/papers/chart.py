"""Draws a chart of lines as SVG, with linear or logarithmic axes and its legend below."""
import html
import math

WIDTH, HEIGHT = 560, 280
LEFT, RIGHT, TOP, BOTTOM = 66, 14, 34, 46
LEGEND_LINE, LEGEND_COLUMNS = 18, 2


def text(x, y, words, size=12, anchor='start', weight='normal', color='#333', turned=False):
    turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turned else ''
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
            f'font-weight="{weight}" fill="{color}"{turn}>{html.escape(words)}</text>')


def line(x1, y1, x2, y2, color='#e2e2e2', width=1.0):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}" '
            f'stroke-width="{width}"/>')


def short(value):
    """A label of an axis: 10k for 10,000."""
    if 1000 <= value < 100_000 and value % 100:
        return f'{value:,.0f}'
    for size, unit in ((1e9, 'G'), (1e6, 'M'), (1e3, 'k')):
        if abs(value) >= size:
            return f'{value / size:g}{unit}'
    return f'{value:g}'


class Scale:
    """From values to places between `begin` and `end`; `ticks` are where the axis has labels."""

    def __init__(self, values, logarithmic, begin, end):
        self._logarithmic, self._begin, self._end = logarithmic, begin, end
        low, high = min(values), max(values)
        if logarithmic:
            low, high = max(low, 1e-9), max(high, 1e-9)
            first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
            last = max(last, first + 1)
            every = max(1, math.ceil((last - first) / 7))
            self.ticks = [10.0 ** power for power in range(first, last + 1, every)]
            self._low, self._high = first, last
        else:
            step = _step(high)
            self._low, self._high = 0, step * math.ceil(high * 1.02 / step)
            self.ticks = [step * i for i in range(round(self._high / step) + 1)]

    def __call__(self, value):
        if self._logarithmic:
            value = math.log10(max(value, 10.0 ** self._low))
        part = (value - self._low) / (self._high - self._low)
        return self._begin + part * (self._end - self._begin)


class Places(Scale):
    """A logarithmic axis whose labels are the values themselves, where they are few."""

    def __init__(self, values, begin, end):
        super().__init__(values, True, begin, end)
        self.ticks = sorted(set(values))
        self._low, self._high = (math.log10(value) for value in (min(values), max(values)))
        self._high = max(self._high, self._low + 1)


def _step(most):
    """Of 1, 2 and 5 times a power of ten, what divides up to `most` into some five parts."""
    rough = max(most, 1e-9) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * by for by in (1, 2, 5, 10) if power * by >= rough * 0.999)


def _axes(chart, x, y):
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = [text(LEFT, 18, chart.title, size=14, weight='bold', color='#222')]
    for tick in y.ticks:
        parts += [line(LEFT, y(tick), right, y(tick)),
                  text(LEFT - 6, y(tick) + 4, short(tick), size=11, anchor='end', color='#666')]
    for tick in x.ticks:
        parts += [line(x(tick), bottom, x(tick), bottom + 4, color='#999'),
                  text(x(tick), bottom + 17, short(tick), size=11, anchor='middle', color='#666')]
    parts += [line(LEFT, bottom, right, bottom, color='#999'),
              text((LEFT + right) / 2, HEIGHT - 10, chart.x_label, anchor='middle', color='#555'),
              text(14, (TOP + bottom) / 2, chart.y_label, anchor='middle', color='#555',
                   turned=True)]
    return parts


def _series(series, x, y):
    dash = ' stroke-dasharray="5 4"' if series.dashed else ''
    path = ' '.join(f'{x(point.x):.1f},{y(point.middle):.1f}' for point in series.points)
    parts = [f'<polyline points="{path}" fill="none" stroke="{series.color}" '
             f'stroke-width="2"{dash}/>']
    for point in series.points:
        at = x(point.x)
        parts += [line(at, y(point.low), at, y(point.high), color=series.color),
                  f'<circle cx="{at:.1f}" cy="{y(point.middle):.1f}" r="3" '
                  f'fill="{series.color}"/>']
    return parts


def _legend(all_series):
    parts = []
    for i, series in enumerate(all_series):
        left = LEFT + i % LEGEND_COLUMNS * (WIDTH - LEFT) / LEGEND_COLUMNS
        y = HEIGHT + 8 + i // LEGEND_COLUMNS * LEGEND_LINE
        dash = ' stroke-dasharray="5 4"' if series.dashed else ''
        parts += [f'<line x1="{left:.1f}" y1="{y}" x2="{left + 22:.1f}" y2="{y}" '
                  f'stroke="{series.color}" stroke-width="2"{dash}/>',
                  text(left + 28, y + 4, series.name, color='#333')]
    return parts


def draw(chart):
    """The SVG of a Chart; bars go from the least to the most of the runs."""
    shown = [series for series in chart.series if series.points]
    xs = [point.x for series in shown for point in series.points]
    ys = [value for series in shown for point in series.points for value in point[1:]]
    if chart.log_x and len(set(xs)) <= 8:
        x = Places(xs, LEFT + 10, WIDTH - RIGHT - 10)
    else:
        x = Scale(xs, chart.log_x, LEFT + 10, WIDTH - RIGHT - 10)
    y = Scale(ys, chart.log_y, HEIGHT - BOTTOM, TOP)
    parts = _axes(chart, x, y)
    for series in shown:
        parts += _series(series, x, y)
    parts += _legend(shown)
    height = HEIGHT + 4 + math.ceil(len(shown) / LEGEND_COLUMNS) * LEGEND_LINE
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            f'width="{WIDTH}" height="{height}" role="img" '
            f'font-family="Helvetica, Arial, sans-serif">\n' + '\n'.join(parts) + '\n</svg>')
