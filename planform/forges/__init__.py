"""Where changes are reviewed and merged: GitHub and GitLab, as a job of theirs reaches them.

This package writes comments and issues, and fetches plans that were kept; what stands in them it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from planform.core.errors import PlanformError


class Forge(Protocol):
    """A forge, and the pull request or commit that the job is about."""

    def comment(self, body: str, mark: str) -> str:
        """Put the body in place of the comment that begins with the mark, or add one; where it stands, in words."""

    def issue(self, title: str, body: str, mark: str) -> str:
        """Put the body in place of the open issue that begins with the mark, or open one; which it is, in words."""

    def close_issues(self, mark: str) -> list[str]:
        """Close the open issues that begin with the mark; which these were, in words."""

    def kept(self, name: str) -> bytes:
        """The archive (zip) called `name` that was kept for the pull request whose merge this commit is.

        Raises:
            PlanformError: the commit came with no pull request, or nothing was kept for it.
        """


def forge_of(environment: Mapping[str, str]) -> Forge:
    """The forge whose job this is.

    Raises:
        PlanformError: it is none's.
    """
    if environment.get("GITHUB_ACTIONS"):
        from planform.forges.github import GitHub

        return GitHub(environment)
    if environment.get("GITLAB_CI"):
        from planform.forges.gitlab import GitLab

        return GitLab(environment)
    raise PlanformError(
        "This is no job of GitHub Actions or GitLab CI.",
        "Neither GITHUB_ACTIONS nor GITLAB_CI is set in the environment.",
        "planform ci init github|gitlab writes the jobs that call this.",
    )


__all__ = ["Forge", "forge_of"]
