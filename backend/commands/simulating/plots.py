"""Figures over rounds as small SVG drawings. Colours are CSS classes: a light page and a dark one both fit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 320, 180
LEFT, RIGHT, TOP, BOTTOM = 38, 10, 10, 30


@dataclass(frozen=True, slots=True)
class Point:
    """A figure of a round, with its 95 % interval where there is one."""

    round: int
    value: float
    low: float | None
    high: float | None


def over_rounds(series: Mapping[str, Sequence[Point]], *, rounds: int, y_label: str) -> str:
    """Lines with whiskers from 0 up; the x axis counts rounds from 1."""
    points = [point for line in series.values() for point in line]
    top = max((point.high or point.value for point in points), default=0.0) or 1.0

    def x(number: float) -> float:
        return round(LEFT + (number - 0.5) / max(rounds, 1) * (WIDTH - LEFT - RIGHT), 1)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - value / top * (HEIGHT - BOTTOM - TOP), 1)

    parts = []
    for value in (top / 2, top):
        parts.append(f'<path class="grid" d="M{LEFT} {y(value)}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text class="y" x="{LEFT - 5}" y="{y(value) + 3.5}">{value:.3g}</text>')
    for number, (name, line) in enumerate(series.items()):
        path = " ".join(f"{x(point.round)},{y(point.value)}" for point in line)
        parts.append(f'<polyline class="line s{number}" points="{path}"/>')
        parts += [_mark(point, x(point.round) + 3 * number, y, number, name) for point in line]
    parts.append(f'<path class="axis" d="M{LEFT} {y(0)}H{WIDTH - RIGHT}"/>')
    parts += [f'<text class="x" x="{x(n)}" y="{HEIGHT - BOTTOM + 14}">{n}</text>' for n in range(1, rounds + 1)]
    svg = (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(y_label)} by round">{"".join(parts)}</svg>'
    )
    names = " · ".join(f'<i class="s{number}"></i>{escape(name)}' for number, name in enumerate(series))
    return f"<figure>{svg}<figcaption>{escape(y_label)}: {names}</figcaption></figure>"


def _mark(point: Point, x: float, y: Callable[[float], float], number: int, name: str) -> str:
    title = f"<title>{escape(name)}, round {point.round}: {point.value:.3f}</title>"
    dot = f'<circle class="dot s{number}" cx="{x}" cy="{y(point.value)}" r="3">{title}</circle>'
    if point.low is None or point.high is None:
        return dot
    return f'<path class="whisker s{number}" d="M{x} {y(point.low)}V{y(point.high)}"/>{dot}'
