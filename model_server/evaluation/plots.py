"""Small drawings of measured figures as SVG. Colours are CSS classes, so that a page in the light and the dark fits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 320, 200
LEFT, RIGHT, TOP, BOTTOM = 34, 10, 8, 34
IOU_TICKS = (0, 0.25, 0.5, 0.75, 1)
SERIES = 6  # classes s0 to s5

Interval = tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Scale:
    """Values to pixels on one axis."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Position in pixels."""
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return round(self.start + share * (self.end - self.start), 2)


def x_scale(low: float, high: float) -> Scale:
    """Across the drawing."""
    return Scale(low, high, LEFT, WIDTH - RIGHT)


def y_scale(low: float, high: float) -> Scale:
    """Up the drawing."""
    return Scale(low, high, HEIGHT - BOTTOM, TOP)


@dataclass(frozen=True, slots=True)
class Line:
    """A curve of one method: x, y and the interval around each y."""

    name: str
    points: Sequence[tuple[float, float, Interval]]


def curves(lines: Sequence[Line], *, x_label: str, ticks: Sequence[float]) -> str:
    """IoU over clicks, with the interval as a band."""
    x, y = x_scale(min(ticks), max(ticks)), y_scale(0, 1)
    parts = [_unit_grid(y)]
    for number, line in enumerate(lines):
        band = [(at, interval) for at, _, interval in line.points if interval]
        upper = [f"{x(at)},{y(high)}" for at, (_, high) in band]
        lower = [f"{x(at)},{y(low)}" for at, (low, _) in reversed(band)]
        path = " ".join(f"{x(at)},{y(value)}" for at, value, _ in line.points)
        parts.append(f'<polygon class="band s{number % SERIES}" points="{" ".join(upper + lower)}"/>')
        parts.append(f'<polyline class="line s{number % SERIES}" points="{path}"/>')
        for at, value, _ in line.points:
            title = f"{line.name}, {at:g}: {value:.3f}"
            parts.append(_dot(x(at), y(value), number, title))
    return _figure(parts, [(x(tick), f"{tick:g}") for tick in ticks], x_label, f"IoU over {x_label}")


def histogram(
    counts: Mapping[str, Sequence[int]], *, low: float, high: float, ticks: Sequence[float], x_label: str
) -> str:
    """Shares of masks by value, as steps, one outline per method."""
    x = x_scale(low, high)
    shares = {name: [count / max(1, sum(values)) for count in values] for name, values in counts.items()}
    y = y_scale(0, max((max(values) for values in shares.values()), default=0) or 1)
    parts = [_grid(y, [y.high / 2, y.high], [f"{100 * y.high / 2:.0f} %", f"{100 * y.high:.0f} %"])]
    for number, (name, values) in enumerate(shares.items()):
        step = (high - low) / len(values)
        corners = [f"{x(low)},{y(0)}"]
        for index, share in enumerate(values):
            corners += [f"{x(low + index * step)},{y(share)}", f"{x(low + (index + 1) * step)},{y(share)}"]
        corners.append(f"{x(high)},{y(0)}")
        kind = "area" if number == 0 else "line"
        title = f"<title>{escape(name)}</title>"
        parts.append(f'<polygon class="{kind} s{number % SERIES}" points="{" ".join(corners)}">{title}</polygon>')
    return _figure(parts, [(x(tick), f"{tick:g}") for tick in ticks], x_label, f"share of masks by {x_label}")


def reliability(bins: Mapping[str, Sequence[tuple[float, float, int]]]) -> str:
    """Actual over predicted IoU, one dot per bin, larger for more masks; on the diagonal it is calibrated."""
    x, y = x_scale(0, 1), y_scale(0, 1)
    parts = [_unit_grid(y), f'<path class="rule" d="M{x(0)} {y(0)}L{x(1)} {y(1)}"/>']
    for number, (name, rows) in enumerate(bins.items()):
        path = " ".join(f"{x(predicted)},{y(actual)}" for predicted, actual, _ in rows)
        parts.append(f'<polyline class="line s{number % SERIES}" points="{path}"/>')
        most = max((masks for *_, masks in rows), default=1)
        for predicted, actual, masks in rows:
            title = f"{name}: predicted {predicted:.2f}, actual {actual:.2f}, {masks} masks"
            parts.append(_dot(x(predicted), y(actual), number, title, radius=2 + 5 * (masks / most) ** 0.5))
    ticks = [(x(tick), f"{tick:g}") for tick in IOU_TICKS]
    return _figure(parts, ticks, "predicted IoU", "actual over predicted IoU")


def bars(groups: Sequence[str], series: Mapping[str, Sequence[tuple[float, Interval] | None]], *, x_label: str) -> str:
    """Mean IoU of every method in every group, with whiskers. Methods without a value take no place."""
    y, width = y_scale(0, 1), (WIDTH - LEFT - RIGHT) / len(groups)
    shown = [(number, name, values) for number, (name, values) in enumerate(series.items()) if any(values)]
    bar = min(24.0, 0.8 * width / max(1, len(shown)))
    parts, ticks = [_unit_grid(y)], []
    for group, name in enumerate(groups):
        middle = LEFT + (group + 0.5) * width
        ticks.append((middle, name))
        for place, (number, method, values) in enumerate(shown):
            if (value := values[group]) is None:
                continue
            mean, interval = value
            left = round(middle + (place - len(shown) / 2) * bar, 2)
            title = f"<title>{escape(f'{method}, {name}: {mean:.3f}')}</title>"
            parts.append(
                f'<rect class="bar s{number % SERIES}" x="{left}" y="{y(mean)}" width="{bar - 2:.2f}" '
                f'height="{y(0) - y(mean):.2f}">{title}</rect>'
            )
            if interval:
                at = left + bar / 2 - 1
                parts.append(f'<path class="whisker" d="M{at:.2f} {y(interval[0])}V{y(interval[1])}"/>')
    return _figure(parts, ticks, x_label, f"mean IoU by {x_label}")


def _dot(x: float, y: float, number: int, title: str, radius: float = 3) -> str:
    title = f"<title>{escape(title)}</title>"
    return f'<circle class="dot s{number % SERIES}" cx="{x}" cy="{y}" r="{radius:.1f}">{title}</circle>'


def _unit_grid(y: Scale) -> str:
    values = IOU_TICKS[1:]
    return _grid(y, values, [f"{value:g}" for value in values])


def _grid(y: Scale, values: Sequence[float], labels: Sequence[str]) -> str:
    return "".join(
        f'<path class="grid" d="M{LEFT} {y(value)}H{WIDTH - RIGHT}"/>'
        f'<text class="y" x="{LEFT - 5}" y="{y(value) + 3.5}">{label}</text>'
        for value, label in zip(values, labels, strict=True)
    )


def _figure(parts: list[str], ticks: Sequence[tuple[float, str]], x_label: str, title: str) -> str:
    base = HEIGHT - BOTTOM
    axis = "".join(f'<text class="x" x="{at:.2f}" y="{base + 14}">{escape(label)}</text>' for at, label in ticks)
    middle = (LEFT + WIDTH - RIGHT) / 2
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f'{"".join(parts)}<path class="axis" d="M{LEFT} {base}H{WIDTH - RIGHT}"/>{axis}'
        f'<text class="x label" x="{middle}" y="{HEIGHT - 4}">{escape(x_label)}</text></svg>'
    )
