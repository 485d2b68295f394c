"""The workflow files of `planform ci init`: templates in which a few words are filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Literal, NamedTuple, TypeAlias

ForgeName: TypeAlias = Literal["github", "gitlab"]


class Target(NamedTuple):
    """For what workflows are written. `folder` is where planform runs, seen from the top of the repository."""

    folder: str
    branch: str
    version: str
    every: bool = False  # all root modules below the folder
    workspace: str = "default"

    @property
    def suffix(self) -> str:
        """What tells the workflows of one folder and workspace from those of another: `-models-digits-cloud`."""
        folder = "" if self.folder == "." else "-" + re.sub(r"[^A-Za-z0-9]+", "-", self.folder).strip("-")
        return folder + (f"-{self.workspace}" if self.workspace != "default" else "")

    @property
    def named(self) -> str:
        """The same for people: ` (models/digits, workspace cloud)`."""
        parts = [self.folder] * (self.folder != ".")
        parts += [f"workspace {self.workspace}"] * (self.workspace != "default")
        return f" ({', '.join(parts)})" if parts else ""


def workflows(forge: ForgeName, target: Target) -> Mapping[str, str]:
    """Path from the top of the repository -> text."""
    if forge == "gitlab":
        return {f".gitlab/planform{target.suffix}.yml": _filled("gitlab.yml", target)}
    return {
        f".github/workflows/planform-{name}{target.suffix}.yml": _filled(f"github-{name}.yml", target)
        for name in ("plan", "apply", "drift")
    }


def _filled(name: str, target: Target) -> str:
    words = {
        "FOLDER": target.folder,
        "IN": target.named,
        "WORKSPACE": target.workspace,
        "SUFFIX": target.suffix,
        "BRANCH": target.branch,
        "VERSION": target.version,
        "ALL": " --all" if target.every else "",
        "CHANGED": ' --changed-since "origin/$GITHUB_BASE_REF"' if target.every else "",
        "CHANGED_GITLAB": ' --changed-since "$CI_MERGE_REQUEST_DIFF_BASE_SHA"' if target.every else "",
        "PLAN": "" if target.every else "/plan.pfplan",
    }
    text = files("planform.forges").joinpath("workflows", name).read_text(encoding="utf-8")
    return re.sub(r"@([A-Z_]+)@", lambda found: words[found[1]], text)
