"""JSON over HTTPS, as far as the APIs of forges need it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from planform.core.errors import PlanformError

PER_PAGE = 100
_SECONDS = 60.0
# What a plan may have; more is no plan.
MOST_BYTES = 256 * 1024 * 1024


class Api:
    """An API below one address. The headers with the token are not sent along when it answers with another address."""

    def __init__(self, url: str, headers: Mapping[str, str], needs: str) -> None:
        self._url, self._headers, self._needs = url.rstrip("/"), headers, needs

    def json(self, path: str, method: str = "GET", body: Mapping[str, Any] | None = None) -> Any:
        """What the API answers.

        Raises:
            PlanformError: it refuses, or it cannot be reached.
        """
        return json.loads(self.bytes(path, method, body) or "null")

    def bytes(self, path: str, method: str = "GET", body: Mapping[str, Any] | None = None) -> bytes:
        """The answer as it is."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self._url}/{path}", data, {"Content-Type": "application/json"}, method=method)
        for name, value in self._headers.items():
            request.add_unredirected_header(name, value)
        try:
            with urlopen(request, timeout=_SECONDS) as answer:
                found: bytes = answer.read(MOST_BYTES)
                return found
        except HTTPError as error:
            said = _message(error)
            advice = self._needs if error.code in (401, 403, 404) else "Try again."
            raise PlanformError(f"{method} {path} was refused: {error.code} {said}.", suggestion=advice) from None
        except (URLError, TimeoutError) as error:
            reason = getattr(error, "reason", error)
            raise PlanformError(f"{self._url} cannot be reached: {reason}.") from None

    def pages(self, path: str) -> Iterator[Any]:
        """All elements of a list that is answered in pages."""
        between = "&" if "?" in path else "?"
        number = 1
        while True:
            found = self.json(f"{path}{between}per_page={PER_PAGE}&page={number}")
            items = (
                next(iter(value for value in found.values() if isinstance(value, list)), [])
                if isinstance(found, dict)
                else found
            )
            yield from items
            if len(items) < PER_PAGE:
                return
            number += 1


def _message(error: HTTPError) -> str:
    try:
        found = json.loads(error.read(10_000)).get("message", "")
    except (ValueError, AttributeError, OSError):
        found = ""
    return str(found)[:200] or error.reason


def needed(environment: Mapping[str, str], name: str, why: str) -> str:
    """Raises:
    PlanformError: the variable is not set.
    """
    value = environment.get(name, "")
    if not value:
        raise PlanformError(f"{name} is not set: {why}.")
    return value
