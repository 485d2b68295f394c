"""GitHub, as a job of GitHub Actions reaches it (REST API 2022-11-28)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from planform.core.errors import PlanformError
from planform.forges.http import Api, needed

_NEEDS = (
    "The job needs the permissions pull-requests: write to comment, issues: write to open issues,"
    " actions: read and pull-requests: read to fetch."
)


class GitHub:
    """The repository, the event and the token are those of the job's environment."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        token = needed(environment, "GITHUB_TOKEN", "write env: {GITHUB_TOKEN: ${{ github.token }}} at the step")
        headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        repository = needed(environment, "GITHUB_REPOSITORY", "GitHub sets it in every job")
        url = environment.get("GITHUB_API_URL") or "https://api.github.com"
        self._api = Api(f"{url}/repos/{repository}", headers, _NEEDS)

    def comment(self, body: str, mark: str) -> str:
        number = self._number()
        for found in self._api.pages(f"issues/{number}/comments"):
            if str(found["body"]).startswith(mark):
                if found["body"] != body:
                    self._api.json(f"issues/comments/{found['id']}", "PATCH", {"body": body})
                return f"comment {found['id']} of pull request #{number}"
        made = self._api.json(f"issues/{number}/comments", "POST", {"body": body})
        return f"comment {made['id']} of pull request #{number}"

    def issue(self, title: str, body: str, mark: str) -> str:
        for found in self._issues(mark):
            if found["body"] != body:
                self._api.json(f"issues/{found['number']}", "PATCH", {"body": body})
            return f"issue #{found['number']}"
        made = self._api.json("issues", "POST", {"title": title, "body": body})
        return f"issue #{made['number']}"

    def close_issues(self, mark: str) -> list[str]:
        numbers = [found["number"] for found in self._issues(mark)]
        for number in numbers:
            self._api.json(f"issues/{number}", "PATCH", {"state": "closed", "state_reason": "completed"})
        return [f"issue #{number}" for number in numbers]

    def _issues(self, mark: str) -> Iterator[Any]:
        for found in self._api.pages("issues?state=open"):
            if "pull_request" not in found and str(found["body"]).startswith(mark):
                yield found

    def kept(self, name: str) -> bytes:
        sha = needed(self._environment, "GITHUB_SHA", "GitHub sets it in every job")
        merged = [found for found in self._api.pages(f"commits/{sha}/pulls") if found.get("merged_at")]
        if not merged:
            raise PlanformError(
                f"Commit {sha[:12]} came with no pull request, so nobody reviewed its plan.",
                suggestion="Plan and apply it by hand: planform plan --out FILE, planform apply FILE",
            )
        heads = {found["head"]["sha"]: found["number"] for found in merged}
        artifacts = [
            found
            for found in self._api.pages(f"actions/artifacts?name={name}")
            if not found["expired"] and _head(found) in heads
        ]
        if not artifacts:
            numbers = ", ".join(f"#{number}" for number in heads.values())
            raise PlanformError(
                f"No plan was kept for the last commit of pull request {numbers}.",
                f"There is no artifact {name} of it, or it has expired.",
                "Plan and apply by hand: planform plan --out FILE, planform apply FILE",
            )
        newest = max(artifacts, key=lambda found: str(found["created_at"]))
        return self._api.bytes(f"actions/artifacts/{newest['id']}/zip")

    def _number(self) -> int:
        """Of the pull request that the job is about."""
        path = needed(self._environment, "GITHUB_EVENT_PATH", "GitHub sets it in every job")
        event: Mapping[str, Any] = json.loads(Path(path).read_text())
        number = event.get("pull_request", {}).get("number")
        if not isinstance(number, int):
            raise PlanformError("This job is not about a pull request.", suggestion="Run it on: pull_request.")
        return number


def _head(artifact: Mapping[str, Any]) -> str:
    """The commit that an artifact was made for; of a fork's nothing, for its plan says nothing of this repository."""
    run = artifact.get("workflow_run") or {}
    own = run.get("head_repository_id") == run.get("repository_id")
    return str(run.get("head_sha", "")) if own else ""
