"""Charts as SVG that takes its colours from the page: calibration, and curves over epochs."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from asr.evaluation.calibration import CalibrationCurve
from asr.evaluation.page.markup import escape

_LEFT, _TOP, _WIDTH, _HEIGHT = 52, 14, 420, 250


class Curve(NamedTuple):
    """A line of a chart; `hue` 0 to 7 chooses the colour."""

    name: str
    points: Sequence[tuple[float, float]]
    hue: int


class IntervalOf(NamedTuple):
    """A rate and its interval, fractions, under a name."""

    name: str
    low: float
    rate: float
    high: float


class _Axis(NamedTuple):
    place: Callable[[float], float]
    ticks: Sequence[tuple[float, str]]


def calibration_chart(calibration: CalibrationCurve) -> str:
    """Share of correct words over confidence; dots as large as the bin has words."""
    across = _Axis(lambda value: _LEFT + value * _WIDTH, [(part / 5, f"{part / 5:.1f}") for part in range(6)])
    up = _Axis(
        lambda value: _TOP + (1 - value) * _HEIGHT, [(part / 5, f"{20 * part} %") for part in range(6)]
    )
    most = max(item.words for item in calibration.bins)
    dots = "".join(
        f'<circle class="dot hue0" cx="{across.place(item.confidence):.1f}" cy="{up.place(item.correct):.1f}" '
        f'r="{3 + 6 * math.sqrt(item.words / most):.1f}"><title>{item.words} words of confidence '
        f"{item.low:.1f} to {item.high:.1f}, mean {item.confidence:.3f}: {item.correct:.1%} correct</title></circle>"
        for item in calibration.bins
    )
    ideal = f'<path class="ideal" d="M{across.place(0)} {up.place(0)}L{across.place(1)} {up.place(1)}"/>'
    line = _path([(across.place(item.confidence), up.place(item.correct)) for item in calibration.bins], 0)
    return _svg(
        f"Share of words correct over confidence, {len(calibration.bins)} bins; the dashed line is perfect",
        _axes(across, up, "confidence of the words", "correct") + ideal + line + dots,
    )


def curves_chart(curves: Sequence[Curve], *, across: str, up: str, percent: bool = False) -> str:
    """Lines over a common axis from zero.

    Args:
        curves: with (x, y) points; those that are not finite are left out.
        across, up: names of the axes; that of y is for readers who do not see the chart.
        percent: write y, a fraction, in per cent.
    """
    points = [point for curve in curves for point in curve.points if math.isfinite(point[1])]
    if not points:
        return ""
    first, last = min(x for x, _ in points), max(x for x, _ in points)
    top = max(y for _, y in points) or 1.0
    span = max(last - first, 1e-9)
    x_step, y_step = _step(span), _step(top)
    horizontal = _Axis(
        lambda value: _LEFT + (value - first) / span * _WIDTH,
        [
            (x_step * number, f"{x_step * number:g}")
            for number in range(math.ceil(first / x_step), math.floor(last / x_step) + 1)
        ],
    )
    vertical = _Axis(
        lambda value: _TOP + (1 - value / top) * _HEIGHT,
        [
            (y_step * number, f"{100 * y_step * number:g} %" if percent else f"{y_step * number:g}")
            for number in range(math.floor(top / y_step) + 1)
        ],
    )
    drawn = "".join(
        _path(
            [(horizontal.place(x), vertical.place(y)) for x, y in curve.points if math.isfinite(y)],
            curve.hue,
            title=curve.name,
        )
        for curve in curves
    )
    return _svg(f"{up} over {across}", _axes(horizontal, vertical, across, "") + drawn)


def intervals_chart(intervals: Sequence[IntervalOf]) -> str:
    """Rates in per cent with their intervals, a line each under its name; "" where none is finite."""
    drawn = [item for item in intervals if all(map(math.isfinite, (item.low, item.rate, item.high)))]
    if not drawn:
        return ""
    first, last = min(item.low for item in drawn), max(item.high for item in drawn)
    span = max(last - first, 1e-9)
    step = _step(span)
    left, height, bottom = 10, 34, _TOP + 34 * len(drawn)
    width = _LEFT + _WIDTH - left

    def place(value: float) -> float:
        return left + (value - first) / span * width

    parts = [
        f'<path class="grid" d="M{place(step * number):.1f} {_TOP}V{bottom}"/>'
        f'<text x="{place(step * number):.1f}" y="{bottom + 16}" text-anchor="middle">{100 * step * number:g} %</text>'
        for number in range(math.ceil(first / step), math.floor(last / step) + 1)
    ]
    for number, item in enumerate(drawn):
        across = _TOP + height * number + 24
        parts.append(
            f'<text x="{left}" y="{across - 9}">{escape(item.name)}</text>'
            + _path([(place(item.low), across), (place(item.high), across)], 0, title=item.name)
            + f'<circle class="dot hue0" cx="{place(item.rate):.1f}" cy="{across}" r="4"><title>{escape(item.name)}: '
            f"{item.rate:.2%}, {item.low:.2%} to {item.high:.2%}</title></circle>"
        )
    return _svg(f"Rates of {len(drawn)} systems with intervals", "".join(parts), height=bottom + 24)


def _step(span: float) -> float:
    """A round distance that parts `span` into 3 to 7."""
    power = 10.0 ** math.floor(math.log10(span / 5))
    return next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= 7)


def _axes(across: _Axis, up: _Axis, across_name: str, up_name: str) -> str:
    bottom = _TOP + _HEIGHT
    lines = [
        f'<path class="grid" d="M{_LEFT} {up.place(value):.1f}H{_LEFT + _WIDTH}"/>'
        f'<text x="{_LEFT - 6}" y="{up.place(value) + 4:.1f}" text-anchor="end">{label}</text>'
        for value, label in up.ticks
    ]
    lines += [
        f'<path class="grid" d="M{across.place(value):.1f} {_TOP}V{bottom}"/>'
        f'<text x="{across.place(value):.1f}" y="{bottom + 16}" text-anchor="middle">{label}</text>'
        for value, label in across.ticks
    ]
    middle = _LEFT + _WIDTH / 2
    lines.append(f'<text x="{middle}" y="{bottom + 34}" text-anchor="middle">{escape(across_name)}</text>')
    if up_name:
        place = f"translate(12 {_TOP + _HEIGHT / 2}) rotate(-90)"
        lines.append(f'<text transform="{place}" text-anchor="middle">{escape(up_name)}</text>')
    return "".join(lines)


def _path(points: Sequence[tuple[float, float]], hue: int, *, title: str = "") -> str:
    if len(points) == 1:
        x, y = points[0]
        return f'<circle class="dot hue{hue}" cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{escape(title)}</title></circle>'
    drawn = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return (
        f'<path class="curve hue{hue}" style="fill:none" d="M{drawn}"><title>{escape(title)}</title></path>'
    )


def _svg(label: str, content: str, *, height: float = _TOP + _HEIGHT + 42) -> str:
    width = _LEFT + _WIDTH + 14
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">{content}</svg>'
