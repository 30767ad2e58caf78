"""The plots of docs/scaling.md: SVG, readable on white and on black, the same bytes each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

GREY = "#808890"  # at least 3.4 to 1 on white and on black
BLUE, ORANGE, GREEN, RED = "#2f81f7", "#d9822b", "#2da44e", "#cf3f4a"
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "engram",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.3,
    "legend.frameon": False,
    "lines.linewidth": 2,
    **dict.fromkeys(
        (
            "text.color",
            "axes.labelcolor",
            "axes.titlecolor",
            "axes.edgecolor",
            "xtick.color",
            "ytick.color",
            "grid.color",
        ),
        GREY,
    ),
}
SELDOM = 0.98  # from here on too few draws lose anything for their mean to say much
WIDE = (9.0, 3.8)
PERCENT = PercentFormatter(1.0, symbol=" %")
Rows = Sequence[Mapping[str, Any]]


def draw(found: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write the plots; their paths."""
    with mpl.rc_context(STYLE):
        figures = {
            "scaling-repair": repair(found["repair"]),
            "scaling-load": load(found["load"], found["load by size"]),
            "scaling-lost": lost(found["lost"]),
            "scaling-fanout": fan_out(found["fan-out"], found["fan-out by size"]),
        }
        paths = []
        for name, figure in figures.items():
            path = folder / f"{name}.svg"
            figure.savefig(path, transparent=True, metadata={"Date": None, "Creator": None})
            paths.append(path)
    return paths


def panels(count: int) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=WIDE, layout="constrained")
    return figure, list(np.atleast_1d(figure.subplots(1, count)))


def repair(rows: Rows) -> Figure:
    """How many copies are still missing, minute by minute."""
    figure, [ours, others] = panels(2)
    plain = [row for row in rows if row["case"] == "as it is"]
    for row, colour in zip(plain, (GREEN, BLUE, ORANGE), strict=True):
        curve(ours, row, colour, f"{row['lost']:.0%} lost ({row['miners lost']} miners)")
    ours.set_title("Copies still to be made")
    changed = [plain[-1], *(row for row in rows if row["case"] != "as it is")]
    for row, colour in zip(changed, (ORANGE, RED, GREY, BLUE), strict=True):
        curve(others, row, colour, row["case"])
    others.set_title(f"{plain[-1]['lost']:.0%} lost, other limits")
    for axes, span in ((ours, (0, 18)), (others, (9, 36))):
        axes.set_xlabel("minutes after the loss")
        axes.yaxis.set_major_formatter(PERCENT)
        axes.set_xlim(*span)
        axes.axvline(10, color=GREY, linewidth=1, linestyle=":")
    ours.legend(loc="lower left")
    others.legend(loc="upper right")
    return figure


def curve(axes: Axes, row: Mapping[str, Any], colour: str, label: str) -> None:
    seconds, missing = np.array(row["curve"]).T
    stuck = row["copies stuck"] / row["copies to make"]
    axes.plot(seconds / 60, missing + stuck, color=colour, label=label)


def load(counted: Mapping[str, Any], by_size: Rows) -> Figure:
    """Records of each miner, fullest first; and how full the fullest is in networks of any size."""
    figure, [each, sizes] = panels(2)
    held, first = (np.sort(counted[name])[::-1] for name in ("held", "primary"))
    each.fill_between(np.arange(len(held)), held, step="mid", color=BLUE, alpha=0.6, label="held")
    each.fill_between(
        np.arange(len(first)), first, step="mid", color=ORANGE, alpha=0.9, label="as primary"
    )
    each.axhline(held.mean(), color=GREY, linewidth=1, linestyle="--")
    each.annotate("mean", (len(held), held.mean()), ha="right", va="bottom", color=GREY)
    each.set_title("Records of each miner")
    each.set_xlabel("miners, the fullest first")
    each.set_ylim(bottom=0)
    each.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 1e3:,.0f} k"))
    each.legend(loc="upper right")
    miners = [row["miners"] for row in by_size]
    band = ([row["p5"] for row in by_size], [row["p95"] for row in by_size])
    sizes.fill_between(miners, *band, color=BLUE, alpha=0.25, label="90 % of 40 networks")
    sizes.plot(miners, [row["median"] for row in by_size], "o-", color=BLUE, label="median")
    log_sizes(sizes, miners)
    sizes.set_title("The fullest miner's share, over the mean")
    sizes.set_ylim(bottom=0)
    sizes.legend(loc="lower right")
    return figure


def log_sizes(axes: Axes, miners: Sequence[int]) -> None:
    axes.set_xscale("log", base=2)
    axes.set_xticks(miners, [f"{size:g}" for size in miners])
    axes.set_xlabel("miners")


def lost(rows: Rows) -> Figure:
    """Records without any holder left, and how often there are any."""
    figure, [share, none] = panels(2)
    fractions = [row["fraction"] for row in rows]
    share.plot(fractions, [row["expected"] for row in rows], color=RED, label="on the average")
    means = [row["mean"] if row["nothing lost in"] < SELDOM else np.nan for row in rows]
    share.plot(fractions, means, "o", color=RED, label="mean of 500 draws")
    share.plot(
        fractions,
        [row["p95"] or np.nan for row in rows],
        color=ORANGE,
        linestyle="--",
        label="95 % of draws are below",
    )
    share.set_yscale("log")
    share.set_title("Share of records lost")
    share.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    share.legend(loc="lower right")
    none.plot(fractions, [row["nothing lost in"] for row in rows], "o-", color=GREEN)
    none.set_title("Chance that nothing at all is lost")
    none.yaxis.set_major_formatter(PERCENT)
    for axes in (share, none):
        axes.set_xlabel("miners that fail at the same moment")
        axes.xaxis.set_major_formatter(PERCENT)
    return figure


def fan_out(rows: Rows, by_size: Rows) -> Figure:
    """How long searches take: their distribution, and by the size of the network."""
    figure, [whole, sizes] = panels(2)
    world = [row for row in rows if row["where"] == "the world"]
    for row in world:
        if row["silent"] and not row["hedged"]:
            continue  # all of them wait for the deadline
        times = row["quantiles, ms"]
        name = "hedged" if row["hedged"] else "not hedged"
        name += f", {row['silent']} silent" if row["silent"] else ""
        colour = {(False, 0): RED, (True, 0): BLUE, (True, 2): GREEN}[row["hedged"], row["silent"]]
        whole.plot(times, np.linspace(0, 1, len(times)), color=colour, label=name)
    whole.set_title(f"Searches done, of {world[0]['asked at once']} members asked")
    whole.set_xlabel("milliseconds")
    whole.yaxis.set_major_formatter(PERCENT)
    whole.set_xlim(left=0)
    whole.legend(loc="lower right")
    miners = sorted({row["miners"] for row in by_size})
    for hedged, colour in ((False, RED), (True, BLUE)):
        name = "hedged" if hedged else "not hedged"
        mine = [row for row in by_size if row["hedged"] == hedged]
        for quantile, line in (("p99", "o-"), ("p50", "o:")):
            times = [row[f"{quantile}, ms"] for row in mine]
            sizes.plot(miners, times, line, color=colour, label=f"{quantile} {name}")
    log_sizes(sizes, miners)
    sizes.set_title("Milliseconds a search")
    sizes.set_ylim(bottom=-150)  # room for the legend
    sizes.set_yticks(range(0, 600, 100))
    sizes.legend(loc="lower center", ncols=2)
    return figure
