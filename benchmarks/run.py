"""Time planform beside Terraform on the same resources, as a user does: whole processes, from start to exit code.

    python benchmarks/run.py 100 1000 [--shapes blocks foreach ...] [--steps plan_first ...] [--runs 3] [--json FILE]

Each step starts from the same files: a snapshot is copied into one folder, then the command runs there. The tools take
turns within each run, so that both meet the same noise. Figures are medians. Terraform takes part when it is on PATH.
"""

import argparse
import json
import math
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

SHAPES = ("blocks", "foreach", "chains", "modules")
TOOLS = ("terraform", "planform")

# Each step, and the snapshot it starts from.
STEPS: Mapping[str, str] = {
    "version": "new",
    "validate": "new",
    "plan_first": "new",
    "apply": "planned",
    "plan_noop": "applied",
    "plan_1change": "changed",
    "destroy": "applied",
}

# With --detailed-exitcode 2 says "there are changes"; any other answer would time the wrong thing.
EXIT_CODES: Mapping[str, int] = {"plan_1change": 2}

COMMANDS: Mapping[str, Mapping[str, str]] = {
    "planform": {
        "version": "version",
        "validate": "validate",
        "plan_first": "plan --out p.pfplan",
        "apply": "apply p.pfplan",
        "plan_noop": "plan --detailed-exitcode",
        "plan_1change": "plan --detailed-exitcode",
        "destroy": "destroy --auto-approve",
    },
    "terraform": {
        "version": "version",
        "validate": "validate",
        "plan_first": "plan -input=false -out=p.tfplan",
        "apply": "apply -input=false p.tfplan",
        "plan_noop": "plan -input=false -detailed-exitcode",
        "plan_1change": "plan -input=false -detailed-exitcode",
        "destroy": "destroy -input=false -auto-approve",
        "init": "init -input=false",
    },
}


@dataclass(frozen=True, slots=True)
class Usage:
    """What one process used: seconds, seconds of processor time, and megabytes at its peak."""

    wall: float
    cpu: float
    rss_mb: float


@dataclass(frozen=True, slots=True)
class Subject:
    """One tool on one shape and size, with the folder its snapshots are kept in."""

    tool: str
    shape: str
    n: int
    folder: Path
    synthetic: bool

    def __str__(self) -> str:
        return f"{self.tool} {self.shape} {self.n}"


@dataclass(frozen=True, slots=True)
class Row:
    """The median of some runs of one step."""

    tool: str
    shape: str
    n: int
    step: str
    runs: int
    wall: float
    cpu: float
    rss_mb: float


def run(subject: Subject, step: str) -> Usage:
    """Run one command of the tool in its work folder and stop everything if it does not end as it should."""
    return timed([subject.tool, *COMMANDS[subject.tool][step].split()], subject.folder, EXIT_CODES.get(step, 0))


def timed(command: Sequence[str], folder: Path, exit_code: int = 0) -> Usage:
    """What a command used in `folder`/work; everything stops if it does not end with the expected code."""
    environment = dict(os.environ, CHECKPOINT_DISABLE="1", TF_IN_AUTOMATION="1", NO_COLOR="1")
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed planform is compiled already
    log = folder / "output.log"
    with log.open("wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder / "work",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != exit_code:
        text = log.read_text(errors="replace")[-3000:]
        sys.exit(f"{text}\n`{' '.join(command)}` in {folder} ended with {process.returncode}, not {exit_code}")
    # The kernel counts kilobytes on Linux and bytes on macOS.
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return Usage(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / unit)


def generate(subject: Subject, folder: Path, *options: str) -> None:
    # In a process of its own: the peak memory of a child is never less than that of the parent it was started from.
    script = Path(__file__).with_name("generate.py")
    arguments = [subject.shape, str(subject.n), str(folder), "--tool", subject.tool, *options]
    subprocess.run([sys.executable, str(script), *arguments], check=True)


def start_from(subject: Subject, snapshot: Path) -> None:
    shutil.rmtree(subject.folder / "work", ignore_errors=True)
    shutil.copytree(snapshot, subject.folder / "work", symlinks=True)


def snapshot(subject: Subject, name: str) -> Path:
    """The folder as it is before a step: new, planned, applied or changed. Made once."""
    folder = subject.folder / name
    if folder.exists():
        return folder
    work = subject.folder / "work"
    match name:
        case "new":
            shutil.rmtree(work, ignore_errors=True)
            generate(subject, work)
            if "init" in COMMANDS[subject.tool]:
                run(subject, "init")
        case "planned":
            start_from(subject, snapshot(subject, "new"))
            run(subject, "plan_first")
        case "applied" if subject.synthetic:
            start_from(subject, snapshot(subject, "new"))
            generate(subject, work, "--state")
        case "applied":
            start_from(subject, snapshot(subject, "planned"))
            run(subject, "apply")
        case "changed":
            start_from(subject, snapshot(subject, "applied"))
            generate(subject, work, "--changed")
    shutil.copytree(work, folder, symlinks=True)
    return folder


def measure(subjects: Sequence[Subject], step: str, runs: int) -> Iterable[Row]:
    """The medians of each tool, which take turns; a tool that would apply for minutes sits that step out."""
    taking_part = [each for each in subjects if not (each.synthetic and step in ("apply", "destroy"))]
    usages: dict[Subject, list[Usage]] = {each: [] for each in taking_part}
    for turn in range(runs):
        for subject in taking_part if turn % 2 == 0 else reversed(taking_part):
            start_from(subject, snapshot(subject, STEPS[step]))
            usages[subject].append(run(subject, step))
    for subject, used in usages.items():
        wall, cpu, rss_mb = (statistics.median(getattr(usage, field) for usage in used) for field in Usage.__slots__)
        print(f"{subject} {step}: {wall:.2f} s, {cpu:.2f} s CPU, {rss_mb:.0f} MB", file=sys.stderr, flush=True)
        yield Row(subject.tool, subject.shape, subject.n, step, runs, wall, cpu, rss_mb)


def table(rows: Iterable[Row]) -> str:
    """One Markdown table: each step at each size, both tools, their ratio and how each grows with N."""
    by_key = {(row.shape, row.step, row.n, row.tool): row for row in rows}
    sizes = sorted({n for _, _, n, _ in by_key})
    lines = [
        "| shape | step | N | Terraform: wall s / CPU s / MB | planform: wall s / CPU s / MB"
        " | planform / Terraform: wall, CPU, MB | growth of CPU, Terraform | planform |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for shape, step, n in dict.fromkeys((shape, step, n) for shape, step, n, _ in by_key):
        ours, theirs = (by_key.get((shape, step, n, tool)) for tool in ("planform", "terraform"))
        smaller = max((size for size in sizes if size < n), default=n)
        grown = [growth(by_key.get((shape, step, smaller, tool)), by_key.get((shape, step, n, tool))) for tool in TOOLS]
        cells = [shape, step, f"{n:,}", figures(theirs), figures(ours), ratio(ours, theirs), *grown]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def figures(row: Row | None) -> str:
    return f"{row.wall:.2f} / {row.cpu:.2f} / {row.rss_mb:.0f}" if row else "-"


def ratio(ours: Row | None, theirs: Row | None) -> str:
    if ours is None or theirs is None:
        return "-"
    return f"{ours.wall / theirs.wall:.2f}, {ours.cpu / theirs.cpu:.2f}, {ours.rss_mb / theirs.rss_mb:.2f}"


def growth(smaller: Row | None, larger: Row | None) -> str:
    """The exponent e of time ~ N^e between two sizes: 1 is linear, 2 quadratic."""
    if smaller is None or larger is None or smaller.n == larger.n:
        return "-"
    return f"N^{math.log(larger.cpu / smaller.cpu) / math.log(larger.n / smaller.n):.2f}"


def version(tool: str) -> str:
    environment = dict(os.environ, CHECKPOINT_DISABLE="1")
    shown = subprocess.run([tool, "version"], capture_output=True, text=True, check=True, env=environment)
    return shown.stdout.splitlines()[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", type=int, nargs="+", metavar="N")
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=SHAPES)
    parser.add_argument("--steps", nargs="+", choices=tuple(STEPS), default=tuple(STEPS))
    parser.add_argument("--tools", nargs="+", choices=TOOLS, default=TOOLS)
    parser.add_argument("--runs", type=int, default=3, help="the median of this many; 3 when absent")
    parser.add_argument(
        "--terraform-apply-up-to",
        type=int,
        default=1000,
        metavar="N",
        help="above it Terraform plans on a state written for it, and neither applies nor destroys; 1000 when absent",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    args = parser.parse_args()

    tools = [tool for tool in args.tools if shutil.which(tool)]
    if not tools:
        sys.exit(f"none of {', '.join(args.tools)} is on PATH; `make bench` puts planform there")
    machine = (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}"
    )
    versions = [version(tool) for tool in tools]
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="planform-bench-") as scratch:
        for shape in args.shapes:
            for n in sorted(args.sizes):
                subjects = []
                for tool in tools:
                    folder = Path(scratch, shape, str(n), tool)
                    folder.mkdir(parents=True)
                    synthetic = tool == "terraform" and n > args.terraform_apply_up_to
                    subjects.append(Subject(tool, shape, n, folder, synthetic))
                for step in args.steps:
                    rows.extend(measure(subjects, step, args.runs))
                shutil.rmtree(Path(scratch, shape, str(n)))

    print(f"{', '.join(versions)}; {machine}; median of {args.runs}\n")
    print(table(sorted(rows, key=lambda row: (SHAPES.index(row.shape), list(STEPS).index(row.step), row.n))))
    if args.json:
        figures_of_all = {"machine": machine, "versions": versions, "rows": [asdict(row) for row in rows]}
        args.json.write_text(json.dumps(figures_of_all, indent=2) + "\n")


if __name__ == "__main__":
    main()
