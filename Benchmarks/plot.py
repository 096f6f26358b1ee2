"""Panels of lines on logarithmic axes, written as SVG for light and dark pages."""

import math
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, MARGIN = 360, 260, 52
STYLE = """
  text { font: 11px system-ui, sans-serif; fill: #57606a; }
  .title { font-size: 13px; font-weight: 600; fill: #24292f; }
  .grid { stroke: #d0d7de; stroke-width: 0.6; }
  .line { fill: none; stroke: #0a63b0; stroke-width: 2; }
  .dot { fill: #0a63b0; }
  .guide { stroke: #8c959f; stroke-dasharray: 4 4; }
  @media (prefers-color-scheme: dark) {
    text { fill: #9da7b3; } .title { fill: #e6edf3; } .grid { stroke: #3d444d; }
    .line { stroke: #6cb6ff; } .dot { fill: #6cb6ff; } .guide { stroke: #768390; }
  }
"""


@dataclass(frozen=True)
class Panel:
    """Points (x, y), both positive, and an exponent: the dashed guide grows like x to its power."""

    title: str
    x_label: str
    y_label: str
    points: list[tuple[float, float]]
    exponent: float


def label(value: float) -> str:
    for size, suffix in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{suffix}"
    return f"{value:g}"


class Axis:
    """A logarithmic scale from data to positions."""

    def __init__(self, values: list[float], start: float, end: float) -> None:
        low, high = math.log10(min(values)), math.log10(max(values))
        padding = max(0.05 * (high - low), 0.05)
        self.low, self.high, self.start, self.end = low - padding, high + padding, start, end

    def __call__(self, value: float) -> float:
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    @property
    def ticks(self) -> list[float]:
        """Powers of ten, with 2 and 5 between them where there are few."""
        powers = range(math.floor(self.low), math.ceil(self.high) + 1)
        for factors in ((1,), (1, 2, 5)):
            ticks = [factor * 10.0**power for power in powers for factor in factors]
            ticks = [tick for tick in ticks if self.low <= math.log10(tick) <= self.high]
            if len(ticks) >= 3:
                break
        return ticks


def draw(panel: Panel, left: float, top: float) -> list[str]:
    xs, ys = [x for x, _ in panel.points], [y for _, y in panel.points]
    x0, y0 = panel.points[-1]
    guide = [(x, y0 * (x / x0) ** panel.exponent) for x in (xs[0], x0)]
    x_axis = Axis(xs, left + MARGIN, left + WIDTH - 12)
    y_axis = Axis(ys + [y for _, y in guide], top + HEIGHT - MARGIN + 10, top + 30)
    parts = [f'<text class="title" x="{left + MARGIN}" y="{top + 18}">{escape(panel.title)}</text>']
    for tick in x_axis.ticks:
        x = x_axis(tick)
        parts.append(line("grid", x, y_axis.start, x, y_axis.end))
        parts.append(text(label(tick), x, y_axis.start + 15, "middle"))
    for tick in y_axis.ticks:
        y = y_axis(tick)
        parts.append(line("grid", x_axis.start, y, x_axis.end, y))
        parts.append(text(label(tick), x_axis.start - 5, y + 4, "end"))
    (gx0, gy0), (gx1, gy1) = [(x_axis(x), y_axis(y)) for x, y in guide]
    parts.append(line("guide", gx0, gy0, gx1, gy1))
    places = [(x_axis(x), y_axis(y)) for x, y in panel.points]
    parts.append(
        '<polyline class="line" points="' + " ".join(f"{x:.1f},{y:.1f}" for x, y in places) + '"/>'
    )
    for (x, y), (value, cost) in zip(places, panel.points):
        tip = f"{panel.x_label} {value:g}: {cost:,.4g} {panel.y_label}"
        parts.append(
            f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3.5"><title>{escape(tip)}</title>'
            "</circle>"
        )
    middle = (x_axis.start + x_axis.end) / 2
    parts.append(
        text(f"{panel.x_label}; {panel.y_label} upwards", middle, top + HEIGHT - 10, "middle")
    )
    return parts


def line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def text(content: str, x: float, y: float, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(content)}</text>'


def svg(panels: list[Panel], description: str) -> str:
    """The panels, two in a row."""
    height = HEIGHT * math.ceil(len(panels) / 2)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {height}" '
        f'width="{2 * WIDTH}" height="{height}" role="img">',
        f"<title>{escape(description)}</title>",
        f"<style>{STYLE}</style>",
    ]
    for index, panel in enumerate(panels):
        parts += draw(panel, WIDTH * (index % 2), HEIGHT * (index // 2))
    return "\n".join([*parts, "</svg>"]) + "\n"
