"""moto's S3 over HTTP, with faults on order: `python s3_server.py PORT`.

    POST /__faults__   [{"method": "PUT", "key": "journal", "do": "500", "times": 1}]
    GET  /__calls__    ["PUT /bucket/key", ...] since it was last asked

`do` is an HTTP status, `drop_before` (the connection ends, nothing was stored), `drop_after` (it was stored, and the
answer is lost), `stall` (no answer until the faults are others) or `kill` (the process group told to /__victim__ dies).
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sys
from collections.abc import Callable, Iterable
from threading import Event
from typing import Any

CODES = {
    412: "PreconditionFailed",
    409: "ConditionalRequestConflict",
    500: "InternalError",
    503: "SlowDown",
    403: "AccessDenied",
}


class Faults:
    """What stands before the application."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self.application = application
        self.rules: list[dict[str, Any]] = []
        self.calls: list[str] = []
        self.stalled = 0
        self.victim = 0  # a process group

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if path == "/__faults__" and method == "GET":
            return self.answer(start, "200 OK", json.dumps(self.rules).encode())
        if path == "/__faults__":
            self.stalled = 0
            self.rules = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
            return self.answer(start, "200 OK", b"")
        if path == "/__victim__":
            self.victim = int(environ["QUERY_STRING"])
            return self.answer(start, "200 OK", b"")
        if path == "/__stalled__":
            return self.answer(start, "200 OK", str(self.stalled).encode())
        if path == "/__calls__":
            told, self.calls = json.dumps(self.calls).encode(), []
            return self.answer(start, "200 OK", told)
        self.calls.append(f"{method} {path}")
        rule = next((item for item in self.rules if self.fits(item, method, path)), None)
        if rule is None:
            return self.application(environ, start)
        if rule["do"] == "kill":
            return self.kill(rule, environ, start)
        rule["times"] = rule.get("times", 1) - 1
        if rule["do"] in ("drop_before", "drop_after"):
            if rule["do"] == "drop_after":
                b"".join(self.application(environ, lambda *_: None))
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            return []
        if rule["do"] == "stall":
            self.stalled += 1
            while rule in self.rules:
                Event().wait(0.01)
            rule["do"] = "503"
        status = int(rule["do"])
        body = f"<Error><Code>{CODES[status]}</Code><Message>on order</Message></Error>"
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        return self.answer(start, f"{status} fault", body.encode(), "application/xml")

    def kill(self, rule: dict[str, Any], environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Kill the victim's process group at its n-th call: for an even n nothing was stored, for an odd one it was."""
        before, rule["seen"] = rule.get("seen", 0), rule.get("seen", 0) + 1
        if before != rule["skip"] // 2:
            return self.application(environ, start)
        if rule["skip"] % 2:
            b"".join(self.application(environ, lambda *_: None))
        os.killpg(self.victim, signal.SIGKILL)
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return []

    @staticmethod
    def fits(rule: dict[str, Any], method: str, path: str) -> bool:
        return (
            rule.get("times", 1) > 0
            and re.fullmatch(rule["method"], method) is not None
            and re.search(rule["key"], path) is not None
        )

    @staticmethod
    def answer(start: Callable[..., Any], status: str, body: bytes, kind: str = "application/json") -> Iterable[bytes]:
        start(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]


def main() -> None:
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import run_simple

    application = Faults(DomainDispatcherApplication(create_backend_app))
    run_simple("127.0.0.1", int(sys.argv[1]), application, threaded=True)


if __name__ == "__main__":
    main()
