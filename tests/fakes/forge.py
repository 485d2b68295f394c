"""What GitHub and GitLab answer to jobs, in this process: comments, merged changes, and what was kept for them."""

from __future__ import annotations

import io
import json
import re
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "secret-of-the-job"


@dataclass
class Forge:
    url: str = ""
    comments: dict[int, dict[int, str]] = field(default_factory=dict)  # number of the change -> id -> body
    issues: dict[int, dict[str, str]] = field(default_factory=dict)  # number -> {title, body, state}
    merged: dict[str, tuple[int, str]] = field(default_factory=dict)  # merge commit -> number, head commit
    kept: list[dict[str, Any]] = field(default_factory=list)  # {id, name, sha, archive, fork, expired}
    calls: list[str] = field(default_factory=list)
    leaked: list[str] = field(default_factory=list)  # tokens that reached the place where archives lie

    def keep(self, name: str, sha: str, files: Mapping[str, bytes], **more: Any) -> None:
        """As actions/upload-artifact, or `artifacts:` of a job."""
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            for path, content in files.items():
                archive.writestr(path, content)
        item = {"id": len(self.kept) + 1, "name": name, "sha": sha, "archive": stream.getvalue()}
        self.kept.append({"fork": False, "expired": False, **item, **more})

    def answer(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Any:
        """JSON, bytes, or a URL to be sent on to."""
        for verb, pattern, act in self._routes():
            found = re.fullmatch(pattern, path)
            if found and verb == method:
                answered = act(*found.groups(), **({"body": body} if body is not None else {}))
                if isinstance(answered, list):
                    size, page = int(query.get("per_page", 30)), int(query.get("page", 1))
                    answered = answered[(page - 1) * size : page * size]
                    if path.endswith("/actions/artifacts"):
                        chosen = [item for item in answered if item["name"] == query.get("name", item["name"])]
                        return {"total_count": len(chosen), "artifacts": chosen}
                return answered
        return None

    def _routes(self) -> list[tuple[str, str, Callable[..., Any]]]:
        github, gitlab = "/repos/team/models", "/api/v4/projects/42"
        return [
            ("GET", f"{github}/issues/(\\d+)/comments", self._listed),
            ("POST", f"{github}/issues/(\\d+)/comments", self._added),
            ("PATCH", f"{github}/issues/comments/(\\d+)", self._changed),
            ("GET", f"{github}/issues", lambda: self._open_issues("number", "body")),
            ("POST", f"{github}/issues", lambda body: self._opened(body["title"], body["body"], "number")),
            ("PATCH", f"{github}/issues/(\\d+)", self._altered),
            ("GET", f"{gitlab}/issues", lambda: self._open_issues("iid", "description")),
            ("POST", f"{gitlab}/issues", lambda body: self._opened(body["title"], body["description"], "iid")),
            ("PUT", f"{gitlab}/issues/(\\d+)", self._altered),
            ("GET", f"{github}/commits/(\\w+)/pulls", self._pulls),
            ("GET", f"{github}/actions/artifacts", self._artifacts),
            ("GET", f"{github}/actions/artifacts/(\\d+)/zip", lambda key: f"{self.url}/blobs/{key}"),
            ("GET", "/blobs/(\\d+)", self._archive),
            ("GET", f"{gitlab}/merge_requests/(\\d+)/notes", self._listed),
            ("POST", f"{gitlab}/merge_requests/(\\d+)/notes", self._added),
            ("PUT", f"{gitlab}/merge_requests/\\d+/notes/(\\d+)", self._changed),
            ("GET", f"{gitlab}/repository/commits/(\\w+)/merge_requests", self._merge_requests),
            ("GET", f"{gitlab}/merge_requests/(\\d+)/pipelines", self._pipelines),
            ("GET", f"{gitlab}/pipelines/(\\d+)/jobs", self._jobs),
            ("GET", f"{gitlab}/jobs/(\\d+)/artifacts", self._archive),
        ]

    def _listed(self, number: str) -> list[Any]:
        return [{"id": key, "body": text} for key, text in self.comments.get(int(number), {}).items()]

    def _added(self, number: str, body: Any) -> Any:
        key = 100 + sum(map(len, self.comments.values()))
        self.comments.setdefault(int(number), {})[key] = body["body"]
        return {"id": key}

    def _changed(self, key: str, body: Any) -> Any:
        for texts in self.comments.values():
            if int(key) in texts:
                texts[int(key)] = body["body"]
                return {"id": int(key)}
        return None

    def _open_issues(self, number: str, text: str) -> list[Any]:
        """On GitHub pull requests are among them."""
        found = [{number: key, text: item["body"]} for key, item in self.issues.items() if item["state"] == "open"]
        return (
            [*found, {number: 7, text: "<!-- planform:.:default -->", "pull_request": {}}] if number != "iid" else found
        )

    def _opened(self, title: str, text: str, number: str) -> Any:
        key = 30 + len(self.issues)
        self.issues[key] = {"title": title, "body": text, "state": "open"}
        return {number: key}

    def _altered(self, key: str, body: Any) -> Any:
        item = self.issues[int(key)]
        item["body"] = body.get("body", body.get("description", item["body"]))
        if body.get("state") == "closed" or body.get("state_event") == "close":
            item["state"] = "closed"
        return {}

    def _pulls(self, sha: str) -> list[Any]:
        found = self.merged.get(sha)
        return [] if found is None else [{"number": found[0], "merged_at": "now", "head": {"sha": found[1]}}]

    def _artifacts(self) -> list[Any]:
        return [
            {
                "id": item["id"], "name": item["name"], "expired": item["expired"],
                "created_at": f"2026-01-01T00:00:{item['id']:02}Z",
                "workflow_run": {
                    "head_sha": item["sha"], "repository_id": 1, "head_repository_id": 2 if item["fork"] else 1,
                },
            }
            for item in self.kept
        ]  # fmt: skip

    def _archive(self, key: str) -> bytes:
        archive: bytes = self.kept[int(key) - 1]["archive"]
        return archive

    def _merge_requests(self, sha: str) -> list[Any]:
        found = self.merged.get(sha)
        return [] if found is None else [{"iid": found[0], "state": "merged"}]

    def _pipelines(self, number: str) -> list[Any]:
        heads = {head for merged, head in self.merged.values() if merged == int(number)}
        return [{"id": item["id"]} for item in reversed(self.kept) if item["sha"] in heads]

    def _jobs(self, pipeline: str) -> list[Any]:
        item = self.kept[int(pipeline) - 1]
        file = None if item["expired"] else {"filename": "artifacts.zip"}
        return [{"id": 999, "name": "lint"}, {"id": item["id"], "name": item["name"], "artifacts_file": file}]


@contextmanager
def served() -> Iterator[Forge]:
    forge = Forge()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            parts = urlsplit(self.path)
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            forge.calls.append(f"{self.command} {parts.path}")
            token = self.headers.get("Authorization", "") + self.headers.get("PRIVATE-TOKEN", "")
            if parts.path.startswith("/blobs/"):
                forge.leaked += [token] if token else []
            elif token not in (f"Bearer {TOKEN}", TOKEN):
                self._send(401, b'{"message": "Bad credentials"}')
                return
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            found = forge.answer(self.command, parts.path, query, body)
            if found is None:
                self._send(404, b'{"message": "Not Found"}')
            elif isinstance(found, str):
                self._send(302, b"", Location=found)
            else:
                self._send(200, found if isinstance(found, bytes) else json.dumps(found).encode())

        do_GET = do_POST = do_PATCH = do_PUT = _serve

        def _send(self, status: int, content: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    forge.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield forge
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
