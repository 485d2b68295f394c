"""The figures that planform promises, measured in one run beside Terraform: the table of docs/benchmarks.md.

    python benchmarks/figures.py [--runs 3]

Each row has an aim; the script ends with 1 when one is missed. Terraform takes part when it is on PATH, up to 1,000
instances where more would take it minutes. `run.py` says how is measured, and times more shapes, steps and sizes.
"""

import argparse
import os
import platform
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from run import TOOLS, Row, Subject, Usage, measure, timed, version

QUICKSTART = Path(__file__).parent.parent / "examples" / "quickstart"


@dataclass(frozen=True, slots=True)
class Figure:
    """One row: a step on a shape, and what planform may take at most."""

    title: str
    shape: str
    n: int
    step: str
    terraform: bool = True
    wall: float | None = None  # seconds
    cpu: float | None = None  # seconds of processor time
    rss_mb: float | None = None

    def aim(self) -> str:
        limits = ((self.wall, "{:g} s"), (self.cpu, "{:g} s CPU"), (self.rss_mb, "{:g} MB"))
        return ", ".join(f"< {text.format(limit)}" for limit, text in limits if limit is not None)

    def reached(self, row: Row | Usage) -> bool:
        limits = ((self.wall, row.wall), (self.cpu, row.cpu), (self.rss_mb, row.rss_mb))
        return all(limit is None or used < limit for limit, used in limits)


FIGURES = (
    Figure("`version`", "blocks", 100, "version", cpu=0.1),
    Figure("first plan, 1,000 separate blocks", "blocks", 1_000, "plan_first", wall=0.6),
    Figure("first plan, 10,000 separate blocks", "blocks", 10_000, "plan_first", wall=4.6),
    Figure("no-op plan, 10,000 separate blocks", "blocks", 10_000, "plan_noop", wall=2.3, rss_mb=300),
    Figure("first plan, `for_each` of 1,000", "foreach", 1_000, "plan_first", wall=0.4),
    Figure("first plan, `for_each` of 10,000", "foreach", 10_000, "plan_first", terraform=False, wall=3),
    Figure("apply, 1,000 separate blocks", "blocks", 1_000, "apply", wall=2),
    Figure("apply, 10,000 separate blocks", "blocks", 10_000, "apply", wall=20),
)


def quickstart(scratch: Path, runs: int) -> Usage:
    """A plan of the quickstart when its two trainers have been trained and nothing was changed."""
    work = scratch / "work"
    shutil.copytree(QUICKSTART, work, ignore=shutil.ignore_patterns(".planform", "state"))
    timed(["planform", "apply", "--auto-approve"], scratch)
    used = [timed(["planform", "plan", "--detailed-exitcode"], scratch) for _ in range(runs)]
    return Usage(*(statistics.median(getattr(usage, field) for usage in used) for field in Usage.__slots__))


def shown(used: Row | Usage | None) -> str:
    return f"{used.wall:.2f} s, {used.cpu:.2f} s CPU, {used.rss_mb:.0f} MB" if used else "-"


def rows_of(figure: Figure, tools: Sequence[str], scratch: Path, runs: int) -> dict[str, Row]:
    subjects = []
    for tool in tools:
        if tool == "terraform" and not figure.terraform:
            continue
        folder = scratch / figure.shape / str(figure.n) / tool
        folder.mkdir(parents=True, exist_ok=True)
        subjects.append(Subject(tool, figure.shape, figure.n, folder, tool == "terraform" and figure.n > 1_000))
    return {row.tool: row for row in measure(subjects, figure.step, runs)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3, help="the median of this many; 3 when absent")
    runs = parser.parse_args().runs
    tools = [tool for tool in TOOLS if shutil.which(tool)]
    if "planform" not in tools:
        sys.exit("planform is not on PATH; `make figures` puts it there")
    missed = []
    lines = ["| work | Terraform | planform | aim |", "|---|--:|--:|--:|"]
    with tempfile.TemporaryDirectory(prefix="planform-figures-") as scratch:
        figure = Figure("no-op plan of the quickstart", "", 2, "plan", terraform=False, cpu=0.2)
        used = quickstart(Path(scratch), runs)
        lines.append(f"| {figure.title} | - | {shown(used)} | {figure.aim()} |")
        missed += [] if figure.reached(used) else [figure.title]
        for figure in FIGURES:
            rows = rows_of(figure, tools, Path(scratch), runs)
            ours = rows["planform"]
            lines.append(f"| {figure.title} | {shown(rows.get('terraform'))} | {shown(ours)} | {figure.aim()} |")
            missed += [] if figure.reached(ours) else [figure.title]
    machine = (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}"
    )
    print(f"{', '.join(version(tool) for tool in tools)}; {machine}; median of {runs}\n")
    print("\n".join(lines))
    for title in missed:
        print(f"missed: {title}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
