"""The *.pf.yaml of a folder, read and parsed once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from planform.core.configuration import SourceFile
from planform.core.errors import Diagnosed, Diagnostic, Span
from planform.language.documents import Document, read_document
from planform.language.findings import Findings
from planform.language.sources import ModuleSources

SUFFIX = ".pf.yaml"


class Folders:
    """Reads folders, or `sources` (path to text) in their place."""

    def __init__(self, findings: Findings, modules: ModuleSources, sources: Mapping[str, str] | None) -> None:
        self.findings, self.modules, self.sources = findings, modules, sources
        self.read: dict[str, list[Document]] = {}

    def documents(self, folder: str) -> list[Document]:
        if folder not in self.read:
            self.read[folder] = [
                document for source in self.files(folder) if (document := self.parsed(source)) is not None
            ]
        return self.read[folder]

    def parsed(self, source: SourceFile) -> Document | None:
        try:
            document = read_document(source)
        except Diagnosed as error:
            self.findings.complete = False
            self.findings.problems.items += error.problems
            return None
        self.findings.problems.items += document.problems
        return document

    def files(self, folder: str) -> Iterator[SourceFile]:
        base = self.modules.shown(folder)
        if self.sources is not None:
            for path in sorted(self.sources):
                if str(PurePosixPath(path).parent) == base:
                    yield SourceFile(path, self.sources[path])
            return
        try:
            names = sorted(name for name in os.listdir(folder) if name.endswith(SUFFIX))
        except OSError as error:
            self.findings.problems.add(Diagnostic("Folder cannot be read", f"{folder}: {error.strerror}."))
            self.findings.complete = False
            return
        for name in names:
            path = name if base == "." else f"{base}/{name}"
            try:
                yield SourceFile(path, Path(folder, name).read_bytes().decode("utf-8-sig"))
            except UnicodeDecodeError as error:
                line = error.object.count(b"\n", 0, error.start) + 1
                detail = f"Byte {error.start} is not UTF-8."
                self.findings.incomplete(
                    Diagnostic("The file is not UTF-8 text", detail, Span(path, line), "", "Save it as UTF-8.")
                )
            except OSError as error:
                self.findings.incomplete(Diagnostic("The file cannot be read", f"{path}: {error.strerror}."))
