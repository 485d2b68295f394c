"""A conversation with yaml-language-server over stdio, enough to ask what an editor asks."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any


class Server:
    def __init__(self, folder: Path) -> None:
        program = folder / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"
        self.process = subprocess.Popen(
            ["node", str(program), "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.count = 0
        self.diagnostics: dict[str, list[Any]] = {}
        self.ask(
            "initialize", {"processId": None, "rootUri": None, "capabilities": {"workspace": {"configuration": True}}}
        )
        self.tell("initialized", {})

    def open(self, path: Path) -> str:
        uri = path.as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": path.read_text()}
        self.tell("textDocument/didOpen", {"textDocument": document})
        return uri

    def problems(self, uri: str) -> list[str]:
        while uri not in self.diagnostics:
            self.read()
        return [item["message"] for item in self.diagnostics[uri]]

    def completions(self, uri: str, line: int, column: int) -> list[str]:
        at = {"textDocument": {"uri": uri}, "position": {"line": line, "character": column}}
        answer = self.ask("textDocument/completion", at)
        return [item["label"] for item in (answer["items"] if isinstance(answer, dict) else answer)]

    def hover(self, uri: str, line: int, column: int) -> str:
        at = {"textDocument": {"uri": uri}, "position": {"line": line, "character": column}}
        answer = self.ask("textDocument/hover", at)
        return str(answer["contents"]["value"]) if answer else ""

    def ask(self, method: str, parameters: Any) -> Any:
        self.count += 1
        self.send({"id": self.count, "method": method, "params": parameters})
        while True:
            message = self.read()
            if message.get("id") == self.count and "method" not in message:
                return message.get("result")

    def tell(self, method: str, parameters: Any) -> None:
        self.send({"method": method, "params": parameters})

    def send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def read(self) -> dict[str, Any]:
        """The next message; what the server asks itself is answered."""
        assert self.process.stdout is not None
        size = 0
        while line := self.process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            size = int(value) if name.lower() == b"content-length" else size
        if not size:
            raise EOFError("yaml-language-server has gone")
        message: dict[str, Any] = json.loads(self.process.stdout.read(size))
        if message.get("method") == "workspace/configuration":
            # The schema store is on the network.
            wanted = {"yaml": {"schemaStore": {"enable": False}, "validate": True, "completion": True, "hover": True}}
            found = [wanted.get(item.get("section"), {}) for item in message["params"]["items"]]
            self.send({"id": message["id"], "result": found})
        elif message.get("method") == "textDocument/publishDiagnostics":
            self.diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif "id" in message and "method" in message:
            self.send({"id": message["id"], "result": None})
        return message

    def close(self) -> None:
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
        self.process.terminate()
        self.process.communicate()
