"""Random expressions over known values: what Terraform answers, planform answers."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path

from planform.core.values import Value
from tests.language.conftest import PlainScope
from tests.language.test_terraform_console import answer, terraform_answers
from tests.properties.configurations import EXAMPLES


class Author:
    """Writes expressions that have a value, each of the type that is asked for."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def one(self, *choices: Callable[[], str]) -> str:
        return self.random.choice(choices)()

    def number(self, depth: int) -> str:
        if depth == 0:
            return self.random.choice(["0", "1", "2", "7", "-3", "10", "0.5", "2.25", "100"])
        n, b, t, items = self.number, self.bool, self.text, self.numbers
        d = depth - 1
        return self.one(
            lambda: f"({n(d)} {self.random.choice('+-*')} {n(d)})",
            lambda: f"({n(d)} / {self.random.choice(['2', '4', '5'])})",
            lambda: f"({n(d)} % {self.random.choice(['2', '3', '7'])})",
            lambda: f"-({n(d)})",
            lambda: f"({b(d)} ? {n(d)} : {n(d)})",
            lambda: f"length({t(d)})",
            lambda: f"length({items(d)})",
            lambda: f"{self.random.choice(['min', 'max'])}({n(d)}, {n(d)})",
            lambda: f"{self.random.choice(['abs', 'ceil', 'floor', 'signum'])}({n(d)})",
            lambda: f"sum(concat([{n(d)}], {items(d)}))",
            lambda: f"try({items(d)}[{self.random.randint(0, 2)}], {n(d)})",
            lambda: f"{{a = {n(d)}, b = {n(d)}}}.{self.random.choice('ab')}",
        )

    def bool(self, depth: int) -> str:
        if depth == 0:
            return self.random.choice(["true", "false"])
        n, b, t = self.number, self.bool, self.text
        d = depth - 1
        return self.one(
            lambda: f"({n(d)} {self.random.choice(['<', '<=', '>', '>=', '==', '!='])} {n(d)})",
            lambda: f"({b(d)} {self.random.choice(['&&', '||'])} {b(d)})",
            lambda: f"!{b(d)}" if d == 0 else f"!({b(d)})",
            lambda: f"({t(d)} {self.random.choice(['==', '!='])} {t(d)})",
            lambda: f"contains({self.numbers(d)}, {n(d)})",
            lambda: f"{self.random.choice(['startswith', 'endswith'])}({t(d)}, {t(0)})",
            lambda: f"can({self.numbers(d)}[{self.random.randint(0, 3)}])",
            lambda: f"{self.random.choice(['alltrue', 'anytrue'])}([{b(d)}, {b(d)}])",
        )

    def text(self, depth: int) -> str:
        if depth == 0:
            return json.dumps(
                self.random.choice(["", "a", "Abc", "x-y", "grüße", "a b", "10", "true", "  t "]), ensure_ascii=False
            )
        n, b, t = self.number, self.bool, self.text
        d = depth - 1
        return self.one(
            lambda: f'"<${{{n(d)}}}|${{{t(d)}}}>"',
            lambda: f"{self.random.choice(['upper', 'lower', 'title', 'trimspace', 'strrev', 'chomp'])}({t(d)})",
            lambda: f"({b(d)} ? {t(d)} : {t(d)})",
            lambda: f"substr({t(d)}, {self.random.randint(0, 2)}, {self.random.randint(-1, 3)})",
            lambda: f"replace({t(d)}, {t(0)}, {t(0)})" if d else 'replace("abab", "a", "c")',
            lambda: f'join({t(0)}, [for x in {self.numbers(d)} : "n${{x}}"])',
            lambda: f"tostring({n(d)})",
            lambda: f"jsonencode({self.numbers(d)})",
            lambda: f'format("%s-%v", {t(d)}, {n(d)})',
            lambda: f"md5({t(d)})",
            lambda: f'"%{{ if {b(d)} }}yes%{{ else }}no%{{ endif }}"',
            lambda: f'"%{{ for x in {self.numbers(d)} }}${{x}},%{{ endfor }}"',
        )

    def numbers(self, depth: int) -> str:
        if depth == 0:
            return f"[{', '.join(self.number(0) for _ in range(self.random.randint(1, 3)))}]"
        d = depth - 1
        return self.one(
            lambda: f"[{self.number(d)}, {self.number(d)}]",
            lambda: f"[for x in {self.numbers(d)} : x * 2 if x > {self.number(0)}]",
            lambda: f"[for i, x in {self.numbers(d)} : i + x]",
            lambda: f"concat({self.numbers(d)}, {self.numbers(d)})",
            lambda: f"reverse({self.numbers(d)})",
            lambda: f"distinct({self.numbers(d)})",
            lambda: f"slice(concat({self.numbers(d)}, [1, 2]), 0, 2)",
            lambda: f"[for x in [{{v = {self.number(d)}}}, {{v = {self.number(0)}}}] : x][*].v",
            lambda: f"values({{b = {self.number(d)}, a = {self.number(d)}}})",
        )

    def any(self, depth: int) -> str:
        return self.one(
            lambda: self.number(depth),
            lambda: self.bool(depth),
            lambda: self.text(depth),
            lambda: self.numbers(depth),
            lambda: f'{{for x in {self.numbers(depth)} : "k${{x}}" => x...}}',
            lambda: f"merge({{a = {self.number(depth)}}}, {{a = {self.text(depth)}, b = {self.bool(depth)}}})",
            lambda: f"toset([{self.text(depth)}, {self.text(depth)}])",
            lambda: f"zipmap([{self.text(0)}], [{self.number(depth)}])",
        )


def test_answers_as_terraform_does(tmp_path: Path) -> None:
    author = Author(20)
    expressions = [author.any(author.random.randint(1, 3)) for _ in range(EXAMPLES.max_examples * 10)]
    theirs = [text for few in batched(expressions) for text in terraform_answers(tmp_path, few)]
    here = PlainScope({}, str(tmp_path))
    ours = [answer(f"jsonencode({text})", here) for text in expressions]
    answers = zip(expressions, ours, theirs, strict=True)
    different = [answer for answer in answers if answer[1] != answer[2] and not _has_negative_zero(answer[2])]
    assert different == []


def _has_negative_zero(text: Value) -> bool:
    """Terraform keeps the sign of a zero that it makes of 0 * -1."""
    return re.search(r"-0(?![.\d])", str(text)) is not None


def batched(items: list[str], size: int = 400) -> list[list[str]]:
    """What one `terraform console` takes at once."""
    return [items[start : start + size] for start in range(0, len(items), size)]
