"""Draws Figure 1 as an SVG file: one panel of horizontal bars for each suite."""
import html

BAR, GAP, LABEL, WIDTH, TITLE, AXIS = 22, 8, 250, 420, 44, 46
COLORS = {'ours': '#1f6fb2', 'step': '#8fb9dc', 'uniprocessor': '#8a8a8a', 'n_copy': '#c7862d'}


def text(x, y, words, size=13, anchor='start', weight='normal', color='#222'):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
            f'font-weight="{weight}" fill="{color}">{html.escape(words)}</text>')


def line(x1, y1, x2, y2, color='#ccc', width=1.0):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'stroke="{color}" stroke-width="{width}"/>')


def panel(top, title, bars, most):
    """The SVG of a panel whose upper edge is at `top`, and its height."""
    parts = [text(16, top + 26, title, size=15, weight='bold')]
    bottom = top + TITLE + len(bars) * (BAR + GAP)
    step = 0.5 if most <= 4 else 1
    for i in range(int(most / step) + 1):
        x = LABEL + i * step / most * WIDTH
        parts += [line(x, top + TITLE - 6, x, bottom),
                  text(x, bottom + 16, f'{i * step:g}', size=12, anchor='middle', color='#555')]
    for row, bar in enumerate(bars):
        y = top + TITLE + row * (BAR + GAP)
        width = bar['middle'] / most * WIDTH
        low, high = (LABEL + bar[end] / most * WIDTH for end in ('low', 'high'))
        parts += [
            text(LABEL - 10, y + BAR - 6, bar['label'], anchor='end'),
            f'<rect x="{LABEL}" y="{y}" width="{width:.1f}" height="{BAR}" '
            f'fill="{COLORS[bar["kind"]]}"/>',
            line(low, y + BAR / 2, high, y + BAR / 2, color='#222', width=1.5),
            text(max(LABEL + width, high) + 8, y + BAR - 6, f"{bar['middle']:.2f}", weight='bold'),
        ]
    return parts, bottom + AXIS - top


def draw(path, panels, caption):
    """Writes the figure. `panels` are (title, bars); a bar has label, kind, middle, low, high."""
    most = max(bar['high'] for _, bars in panels for bar in bars) * 1.02
    parts, y = [], 8
    for title, bars in panels:
        drawn, height = panel(y, title, bars, most)
        parts += drawn
        y += height
    parts.append(text(LABEL + WIDTH / 2, y, 'throughput, uniprocessor server = 1', anchor='middle',
                      color='#555'))
    for words in caption:
        y += 18
        parts.append(text(16, y, words, size=11, color='#555'))
    size = f'width="{LABEL + WIDTH + 80}" height="{y + 14}"'
    body = '\n'.join(parts)
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" {size} '
                    f'font-family="Helvetica, Arial, sans-serif">\n'
                    f'<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n')
