"""Draws measurements as SVG: latency distributions, and cost by size.

Both have logarithmic axes and name each line at its end. Equal data give equal bytes. A drawing has
its own background, so it is readable on light and dark pages. The module does not interpret the
figures and writes no files."""

import math
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 800, 430
LEFT, TOP, BOTTOM = 74, 92, 58
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

BACKGROUND, BORDER, GRID = "#fdfcfa", "#dedbd4", "#e7e4dd"
INK, FAINT = "#23211d", "#6b675e"

# Distinguishable with colour blindness (after Okabe and Ito), and dark enough for text.
COLOURS = ("#0068a8", "#c04a00", "#00785a", "#9c4a86", "#7d6200", "#4b4b55")
DASHES = ("", "7 4", "2 3")

# The width of a letter of a label, and the least distance of two labels.
LETTER, LABEL_GAP = 6.9, 17

# The percentiles of a latency chart; between them its axis is -log10(1 - p).
PERCENTILES = (0, 50, 90, 99, 99.9)


@dataclass(frozen=True)
class Axis:
    """Maps values of `low` to `high` to positions of `begin` to `end`, and has the ticks."""

    low: float
    high: float
    begin: float
    end: float
    ticks: tuple
    scale: callable = math.log10

    def place(self, value):
        low, high = self.scale(self.low), self.scale(self.high)
        return self.begin + (self.scale(value) - low) / (high - low) * (self.end - self.begin)


@dataclass(frozen=True)
class Line:
    """A drawn series: its points in the drawing, from left to right."""

    name: str
    points: list
    colour: str
    dash: str


def latency_chart(title, series, subtitle="", styles=None):
    """The SVG of `{name: {percentile: µs}}`: both axes logarithmic, percentiles below 100 only.
    `styles` may give each name a number of its colour and one of its dash, for series that belong
    together. Raises `ValueError` when there is nothing to draw, or a latency that is not above
    0."""
    series = {name: sorted((at, value) for at, value in points.items() if at < 100)
              for name, points in series.items()}
    return chart(title, subtitle, "share of the requests answered in this time or less", "latency",
                 series, percentile_axis, duration, lambda at: f"{at:g} %", styles)


def size_chart(title, x_label, y_label, series, subtitle="", styles=None):
    """The SVG of `{name: [(x, y), ...]}`, all of them above 0. See `latency_chart`."""
    series = {name: sorted(points) for name, points in series.items()}
    return chart(title, subtitle, x_label, y_label, series, log_axis, number, number, styles)


def chart(title, subtitle, x_label, y_label, series, x_axis, y_text, x_text, styles):
    """A whole drawing of `{name: [(x, y), ...]}`; `x_text` and `y_text` write values."""
    values = [point for points in series.values() for point in points]
    if not values or min(y for _, y in values) <= 0:
        raise ValueError(f"{title}: a chart needs points, and values above 0")
    right = WIDTH - 34 - LETTER * max(map(len, series))
    x = x_axis([at for at, _ in values], LEFT, right)
    y = log_axis([value for _, value in values], HEIGHT - BOTTOM, TOP)
    styles = styles or {name: divmod(index, len(COLOURS))[::-1]
                        for index, name in enumerate(series)}
    lines = [Line(name, [(x.place(at), y.place(value)) for at, value in points],
                  *style(*styles[name])) for name, points in series.items()]
    return "\n".join((
        *head(title, subtitle, describe(series, x_text, y_text)),
        *grid(x, y, x_text, y_text),
        text(LEFT, TOP - 14, y_label, FAINT, anchor="start"),
        f'<path d="M{x.begin:.1f} {y.begin:.1f}H{x.end:.1f}" stroke="{FAINT}"/>',
        text((LEFT + right) / 2, HEIGHT - 14, x_label, FAINT, anchor="middle"),
        *(part for line in lines for part in curve(line)),
        *labels(lines),
        "</svg>", ""))


def style(colour, dash):
    """The colour and the dash with these numbers; they repeat after the last."""
    return COLOURS[colour % len(COLOURS)], DASHES[dash % len(DASHES)]


def percentile_axis(values, begin, end):
    """The axis of a latency chart, as far as the values go."""
    high = max(99, *values)
    return Axis(0, high, begin, end, tuple(at for at in PERCENTILES if at <= high),
                scale=lambda at: -math.log10(1 - at / 100))


def log_axis(values, begin, end):
    """An axis from the round number below the least value to the one above the greatest."""
    low, high = round_below(min(values)), round_above(max(values))
    if low == high:
        high = round_above(low * 1.01)
    return Axis(low, high, begin, end, ticks(low, high))


def round_below(value):
    """The greatest of 1, 2 and 5 times a power of ten that is not above `value`."""
    power = 10.0 ** math.floor(math.log10(value))
    return max(step * power for step in (1, 2, 5) if step * power <= value)


def round_above(value):
    """The least of 1, 2 and 5 times a power of ten that is not below `value`."""
    power = 10.0 ** math.floor(math.log10(value))
    return min(step * power for step in (1, 2, 5, 10) if step * power >= value)


def ticks(low, high):
    """The powers of ten from `low` to `high`; if they are few, with their multiples by 2 and 5."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1,) if math.log10(high / low) >= 2.5 else (1, 2, 5)
    return tuple(step * 10.0 ** power for power in powers for step in steps
                 if low <= step * 10.0 ** power <= high)


def head(title, subtitle, description):
    """The start of the document: title, description and background."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" role="img" aria-labelledby="title description" '
        f'font-family="{FONT}" font-size="13">',
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="description">{escape(description)}</desc>',
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="10" '
        f'fill="{BACKGROUND}" stroke="{BORDER}"/>',
        text(24, 34, title, INK, anchor="start", more=' font-size="18" font-weight="600"'),
        *([text(24, 55, subtitle, FAINT, anchor="start")] if subtitle else []),
    )


def describe(series, x_text, y_text):
    """All figures in words, for screen readers."""
    return "; ".join(
        f"{name}: " + ", ".join(f"{x_text(at)} {y_text(value)}" for at, value in points)
        for name, points in series.items()) + "."


def grid(x, y, x_text, y_text):
    """Thin lines at the ticks, with their values."""
    for value in y.ticks:
        at = y.place(value)
        yield f'<path d="M{x.begin:.1f} {at:.1f}H{x.end:.1f}" stroke="{GRID}"/>'
        yield text(x.begin - 9, at + 4.5, y_text(value), FAINT, anchor="end")
    for value in x.ticks:
        at = x.place(value)
        yield f'<path d="M{at:.1f} {y.begin:.1f}V{y.end:.1f}" stroke="{GRID}"/>'
        yield text(at, y.begin + 20, x_text(value), FAINT, anchor="middle")


def curve(line):
    """The line, with a dot for each measured point."""
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in line.points)
    dash = f' stroke-dasharray="{line.dash}"' if line.dash else ""
    yield (f'<path d="M{path}" fill="none" stroke="{line.colour}" stroke-width="2" '
           f'stroke-linejoin="round" stroke-linecap="round"{dash}/>')
    for x, y in line.points:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="{line.colour}"/>'


def labels(lines):
    """The name of each line beside its end; overlapping labels are spread."""
    ends = [line.points[-1] for line in lines]
    right = max(x for x, _ in ends)
    places = spread([y for _, y in ends], LABEL_GAP, TOP, HEIGHT - BOTTOM)
    for line, (x, y), place in zip(lines, ends, places):
        yield (f'<path d="M{x + 4:.1f} {y:.1f}L{right + 14:.1f} {place:.1f}" fill="none" '
               f'stroke="{line.colour}" stroke-opacity="0.45"/>')
        yield text(right + 18, place + 4.5, line.name, line.colour, anchor="start")


def spread(wanted, gap, low, high):
    """Positions as near as possible to the wanted ones, at least `gap` apart, in the same order,
    and between `low` and `high` if there is space."""
    groups = []
    for index in sorted(range(len(wanted)), key=lambda index: (wanted[index], index)):
        groups.append([index])
        while len(groups) > 1 and (first_of(groups[-2], wanted, gap) + len(groups[-2]) * gap
                                   > first_of(groups[-1], wanted, gap)):
            groups[-2:] = [groups[-2] + groups[-1]]
    places = [0.0] * len(wanted)
    for group in groups:
        first = first_of(group, wanted, gap)
        first = max(low, min(first, high - (len(group) - 1) * gap))
        for number_in_group, index in enumerate(group):
            places[index] = first + number_in_group * gap
    return places


def first_of(group, wanted, gap):
    """The position of the first of overlapping neighbours, such that they are centred on their
    wanted positions."""
    middle = sum(wanted[index] for index in group) / len(group)
    return middle - (len(group) - 1) * gap / 2


def text(x, y, content, colour, anchor, more=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}"{more}>'
            f'{escape(content)}</text>')


def duration(microseconds):
    """A time in the unit that leaves the fewest digits."""
    for unit, name in ((1e6, "s"), (1e3, "ms"), (1, "µs")):
        if microseconds >= unit:
            return f"{number(microseconds / unit)} {name}"
    return f"{number(microseconds)} µs"


def number(value):
    """A number of at most three significant digits, with separators of thousands."""
    if value >= 1e6 and value % 1e5 == 0:
        return f"{value / 1e6:g} million"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
