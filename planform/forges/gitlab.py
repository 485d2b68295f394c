"""GitLab, as a job of GitLab CI reaches it (REST API v4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from planform.core.errors import PlanformError
from planform.forges.http import Api, needed

TOKEN = "PLANFORM_GITLAB_TOKEN"
_WHY = "make a project access token (role Developer, scope api) and set it as a masked CI/CD variable of that name"
_NEEDS = f"{TOKEN} must be a token of this project with the role Developer and the scope api."


class GitLab:
    """The project and the merge request are those of the job's environment; the job's own token may not comment."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        token = needed(environment, TOKEN, _WHY)
        url = needed(environment, "CI_API_V4_URL", "GitLab sets it in every job")
        project = quote(needed(environment, "CI_PROJECT_ID", "GitLab sets it in every job"), safe="")
        self._api = Api(f"{url}/projects/{project}", {"PRIVATE-TOKEN": token}, _NEEDS)

    def comment(self, body: str, mark: str) -> str:
        number = needed(
            self._environment, "CI_MERGE_REQUEST_IID", "this job is not about a merge request; give it a rule for them"
        )
        notes = f"merge_requests/{quote(number, safe='')}/notes"
        for found in self._api.pages(notes):
            if str(found["body"]).startswith(mark):
                if found["body"] != body:
                    self._api.json(f"{notes}/{found['id']}", "PUT", {"body": body})
                return f"note {found['id']} of merge request !{number}"
        made = self._api.json(notes, "POST", {"body": body})
        return f"note {made['id']} of merge request !{number}"

    def issue(self, title: str, body: str, mark: str) -> str:
        for found in self._issues(mark):
            if found["description"] != body:
                self._api.json(f"issues/{found['iid']}", "PUT", {"description": body})
            return f"issue #{found['iid']}"
        made = self._api.json("issues", "POST", {"title": title, "description": body})
        return f"issue #{made['iid']}"

    def close_issues(self, mark: str) -> list[str]:
        numbers = [found["iid"] for found in self._issues(mark)]
        for number in numbers:
            self._api.json(f"issues/{number}", "PUT", {"state_event": "close"})
        return [f"issue #{number}" for number in numbers]

    def _issues(self, mark: str) -> Iterator[Any]:
        for found in self._api.pages("issues?state=opened"):
            if str(found["description"]).startswith(mark):
                yield found

    def kept(self, name: str) -> bytes:
        sha = needed(self._environment, "CI_COMMIT_SHA", "GitLab sets it in every job")
        found = self._api.pages(f"repository/commits/{sha}/merge_requests")
        merged = [item["iid"] for item in found if item["state"] == "merged"]
        job: Mapping[str, Any] = next((job for number in merged for job in self._newest(number, name)), {})
        if job.get("artifacts_file"):
            return self._api.bytes(f"jobs/{job['id']}/artifacts")
        raise PlanformError(
            f"No plan was kept for the merge request !{merged[0]}."
            if merged
            else f"Commit {sha[:12]} came with no merge request, so nobody reviewed its plan.",
            f'The newest job "{name}" of its pipelines has kept none, or it has expired.' if merged else "",
            "Plan and apply it by hand: planform plan --out FILE, planform apply FILE",
        )

    def _newest(self, number: int, name: str) -> Iterator[Any]:
        """The jobs of this name, the newest first: only what the last one kept is what was last reviewed."""
        for pipeline in self._api.pages(f"merge_requests/{number}/pipelines"):
            for job in self._api.pages(f"pipelines/{pipeline['id']}/jobs"):
                if job["name"] == name:
                    yield job
