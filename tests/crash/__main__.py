"""`python -m tests.crash [TRIALS] [--terraform TRIALS]`: many random kills and every boundary, as a table.

Terraform, where it is on PATH, applies the twin of the values in the project, which is all it has without a cloud: its
figures are of states that cannot be read, or are empty, after `kill -9` of its process group.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic

from tests.crash.harness import Crashes, Tally, random_kills, wait
from tests.fakes.s3 import CREDENTIALS, serving

TERRAFORM_RESOURCES = 300


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trials", type=int, nargs="?", default=1000, help="random kills, four in five of them local")
    parser.add_argument("--terraform", type=int, default=20, metavar="TRIALS")
    options = parser.parse_args()
    os.environ.update(CREDENTIALS)
    rows: list[tuple[str, Tally]] = []
    print("| what, state, kills | trials | killed at work | unreadable | lost | duplicated | stuck |")
    print("|---|--:|--:|--:|--:|--:|--:|", flush=True)
    with tempfile.TemporaryDirectory() as scratch, serving() as server:
        for backend, share, longest in (("local", 0.8, 0.2), ("s3", 0.2, 0.8)):
            s3 = server if backend == "s3" else None
            crashes = Crashes(Path(scratch, f"{backend}-random"), s3)
            rows.append((f"planform, {backend}, random", random_kills(crashes, round(options.trials * share), longest)))
            print_row(*rows[-1])
            if s3 is not None:
                s3.empty()
            crashes, boundary = Crashes(Path(scratch, f"{backend}-boundaries"), s3), 0
            while crashes.kill_at(boundary):
                boundary += 1
            rows.append((f"planform, {backend}, every boundary", crashes.tally))
            print_row(*rows[-1])
        if options.terraform and shutil.which("terraform"):
            print_row("Terraform, local, random", terraform(Path(scratch, "terraform"), options.terraform))
    for name, tally in rows:
        for note in tally.notes:
            print(f"{name}: {note}", file=sys.stderr)
    return int(not all(tally.clean for _, tally in rows))


def print_row(name: str, tally: Tally) -> None:
    cells = (tally.trials, tally.trials - tally.finished, tally.unreadable, tally.lost, tally.duplicated, tally.stuck)
    print(f"| {name} | {' | '.join(map(str, cells))} |", flush=True)


def terraform(folder: Path, trials: int) -> Tally:
    """Updates of a state that is there, killed at random moments."""
    folder.mkdir()
    tally, moments = Tally(), random.Random(1)

    def write(version: int) -> None:
        blocks = (
            f'resource "terraform_data" "r{index}" {{ input = {version} }}' for index in range(TERRAFORM_RESOURCES)
        )
        (folder / "main.tf").write_text("\n".join(blocks) + "\n")

    def start() -> int:
        command = ["terraform", "apply", "-auto-approve", "-no-color"]
        process = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        return process.pid

    write(0)
    subprocess.run(["terraform", "init"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    begun = monotonic()
    assert wait(start(), None) == 0
    length = monotonic() - begun
    shutil.copy(folder / "terraform.tfstate", folder / "good")
    for trial in range(trials):
        shutil.copy(folder / "good", folder / "terraform.tfstate")
        write(trial + 1)
        ended = wait(start(), moments.uniform(0.3 * length, length))
        tally.trials += 1
        tally.finished += ended == 0
        try:
            state = json.loads((folder / "terraform.tfstate").read_text())
        except ValueError:
            tally.unreadable += 1
            tally.lost += TERRAFORM_RESOURCES
        else:
            tally.lost += TERRAFORM_RESOURCES - len(state["resources"])
    return tally


if __name__ == "__main__":
    raise SystemExit(main())
