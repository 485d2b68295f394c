"""`python -m tests.fake_aws.server PORT`: Batch and SageMaker as `batch.py` and `sagemaker.py` have them, moto for the
rest, and `/__aws__/` for the tests. Requests are told apart by the service in their signature."""

from __future__ import annotations

import dataclasses
import json
import re
import socket
import sys
from collections.abc import Callable, Iterable
from io import BytesIO
from threading import Event, Lock
from typing import Any
from urllib.parse import parse_qs

from tests.fake_aws import batch, others, pricing, sagemaker
from tests.fake_aws.models import model, parsed, problems
from tests.fake_aws.world import ACCOUNT, REGION, Refused, World

SERVICES = {"batch": batch, "pricing": pricing, "sagemaker": sagemaker}
LABELS = {"batch": "Batch", "pricing": "Pricing", "sagemaker": "SageMaker"}


class Server:
    def __init__(self, moto: Callable[..., Iterable[bytes]]) -> None:
        self.moto, self.world, self.lock, self.released = moto, World(), Lock(), Event()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path.startswith("/__aws__/"):
            told = json.loads(self.body(environ) or b"null")
            with self.lock:
                result = getattr(self, f"do_{path.rpartition('/')[2]}")(told)
            return self.say(start, 200, result)
        signed = re.search(r"Credential=[^/]+/\d+/[\w-]+/([\w-]+)/", environ.get("HTTP_AUTHORIZATION", ""))
        service = signed[1] if signed else ""
        return self.serve(service, environ, start) if service in SERVICES else self.pass_on(service, environ, start)

    def pass_on(self, service: str, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """To moto; faults strike there too."""
        body = b"" if service == "s3" else self.body(environ)
        if body:
            environ["wsgi.input"] = BytesIO(body)
        operation = others.operation_of(service, environ, body)
        with self.lock:
            self.world.calls.append(f"{service}.{operation}")
            do = self.struck(operation)
            refused = others.refusal(self.world, operation, environ) if service == "s3" else 0
            if service == "s3":
                self.world.buckets.append([operation, environ["PATH_INFO"].lstrip("/").partition("/")[0]])
            others.page(self.world, operation, environ)
            if operation in ("PutObject", "UploadPart"):
                self.world.sizes.append([operation, environ["PATH_INFO"], int(environ.get("CONTENT_LENGTH") or 0)])
        if do == "throttle":
            return self.refuse_xml(start, "SlowDown", 503)
        if do in ("500", "drop"):
            return self.refuse_xml(start, "InternalError", 500) if do == "500" else self.hang_up(environ)
        if refused:
            return self.refuse_xml(start, {403: "AccessDenied", 409: "BucketAlreadyExists"}[refused], refused)
        if not do:
            return self.moto(environ, start)
        list(self.moto(environ, lambda *_: None))
        if do == "hold_after":
            self.released.wait(60)
            return []
        return self.refuse_xml(start, "InternalError", 500) if do == "500_after" else self.hang_up(environ)

    def struck(self, operation: str) -> str:
        """The fault that strikes an operation now."""
        rule = next((rule for rule in self.world.faults if self.strikes(rule, operation)), None)
        if rule is None:
            return ""
        rule["times"] = rule.get("times", 1) - 1
        return str(rule["do"])

    def serve(self, service: str, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        body = json.loads(self.body(environ) or b"{}")
        query = parse_qs(environ.get("QUERY_STRING", ""))
        raw = environ.get("RAW_URI") or environ.get("REQUEST_URI") or environ["PATH_INFO"]
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        with self.lock:
            operation, given = parsed(service, environ["REQUEST_METHOD"], raw.partition("?")[0], target, body, query)
            self.world.calls.append(f"{LABELS[service]}.{operation}")
            self.world.now += self.world.tick
            do = self.struck(operation)
            if do == "throttle":
                code = {"batch": "TooManyRequestsException"}.get(service, "ThrottlingException")
                return self.refuse(start, Refused(code, "Rate exceeded", 429 if service == "batch" else 400))
            if do == "500":
                return self.refuse(start, Refused("ServerException", "on order", 500))
            if do == "drop":
                return self.hang_up(environ)
            try:
                shape = model(service).operation_model(operation).input_shape
                wrong = list(problems(given, shape, operation))
                if wrong:
                    raise Refused("ClientException" if service == "batch" else "ValidationException", "; ".join(wrong))
                result = SERVICES[service].answer(self.world, operation, given)
            except Refused as error:
                return self.refuse(start, error)
        if do == "hold_after":
            self.released.wait(60)
            return []
        if do == "drop_after":
            return self.hang_up(environ)
        if do == "500_after":
            return self.refuse(start, Refused("ServerException", "on order", 500))
        return self.say(start, 200, result)

    @staticmethod
    def hang_up(environ: dict[str, Any]) -> Iterable[bytes]:
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return []

    @staticmethod
    def refuse_xml(start: Callable[..., Any], code: str, status: int) -> Iterable[bytes]:
        data = f"<Error><Code>{code}</Code><Message>on order</Message></Error>".encode()
        start(f"{status} x", [("Content-Type", "application/xml"), ("Content-Length", str(len(data)))])
        return [data]

    @staticmethod
    def strikes(rule: dict[str, Any], operation: str) -> bool:
        if rule.get("times", 1) <= 0 or not re.fullmatch(rule["op"], operation):
            return False
        if rule.get("skip", 0) > 0:
            rule["skip"] -= 1
            return False
        return True

    def refuse(self, start: Callable[..., Any], error: Refused) -> Iterable[bytes]:
        form = {"__type": error.code, "message": error.message}
        return self.say(start, error.status, form, [("x-amzn-errortype", error.code)])

    @staticmethod
    def say(start: Callable[..., Any], status: int, form: Any, more: Iterable[tuple[str, str]] = ()) -> Iterable[bytes]:
        data = json.dumps(form).encode()
        start(f"{status} x", [("Content-Type", "application/json"), ("Content-Length", str(len(data))), *more])
        return [data]

    @staticmethod
    def body(environ: dict[str, Any]) -> bytes:
        data: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        return data

    # What tests say

    def do_reset(self, settings: dict[str, Any]) -> None:
        from moto.backends import get_backend

        for service in ("s3", "logs", "iam", "ecr"):
            get_backend(service)[ACCOUNT].reset()
        self.world = World(**settings)
        if self.world.bucket:
            get_backend("s3")[ACCOUNT]["aws"].create_bucket(f"sagemaker-{REGION}-{ACCOUNT}", REGION)

    def do_set(self, settings: dict[str, Any]) -> None:
        self.world = dataclasses.replace(self.world, **settings)

    def do_release(self, _: None) -> None:
        self.released.set()

    def do_faults(self, rules: list[dict[str, Any]]) -> None:
        self.released.clear()
        self.world.faults = rules

    def do_pending(self, _: None) -> list[str]:
        return [rule["op"] for rule in self.world.faults if rule.get("times", 1) > 0]

    def do_outcomes(self, rules: list[dict[str, Any]]) -> None:
        self.world.outcomes = rules

    def do_advance(self, seconds: float) -> None:
        self.world.now += seconds
        batch.settle(self.world)

    def do_sizes(self, _: None) -> list[list[Any]]:
        return self.world.sizes

    def do_buckets(self, _: None) -> list[list[str]]:
        told, self.world.buckets = self.world.buckets, []
        return told

    def do_calls(self, _: None) -> list[str]:
        told, self.world.calls = self.world.calls, []
        return told

    def do_objects(self, kind: str) -> dict[str, Any]:
        batch.settle(self.world)
        return self.world.of(kind)

    def do_alter(self, told: list[Any]) -> None:
        kind, name, members = told
        self.world.of(kind)[name].update(members)

    def do_remove(self, told: list[str]) -> None:
        del self.world.of(told[0])[told[1]]


def main() -> None:
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, run_simple

    WSGIRequestHandler.protocol_version = "HTTP/1.1"
    server = Server(DomainDispatcherApplication(create_backend_app))
    run_simple("127.0.0.1", int(sys.argv[1]), server, threaded=True)


if __name__ == "__main__":
    main()
