"""Spellings of arguments, and what is said of those that are wrong."""

from __future__ import annotations

import pytest

from planform.cli.arguments import normalised
from planform.cli.main import main
from planform.cli.options import Seconds


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("plan -out x", "plan --out x"),
        ("plan -out=x", "plan --out=x"),
        ("plan -var-file=a.yaml -var x=1", "plan --var-file=a.yaml --var x=1"),
        ("plan -refresh=false", "plan --no-refresh"),
        ("plan -refresh=true -input=false", "plan --refresh --no-input"),
        ("apply -auto-approve", "apply --auto-approve"),
        ("apply -auto-approve=false", "apply"),
        ("plan -json=true", "plan --json"),
        ("logs -f trainer.a", "logs -f trainer.a"),
        ("apply -y", "apply -y"),
        ("plan -w cloud", "-w cloud plan"),
        ("plan --no-color", "--no-color plan"),
        ("-version", "version"),
        ("-chdir=sub plan", "--chdir=sub plan"),
        ("plan -chdir sub -workspace=b", "--chdir sub --workspace=b plan"),
        ("output -- -name -w", "output -- -name -w"),
        ("state list module.a", "state list module.a"),
    ],
)
def test_normalised(words: str, expected: str) -> None:
    assert normalised(words.split()) == expected.split()


@pytest.mark.parametrize(("text", "seconds"), [("20", 20), ("20s", 20), ("1.5m", 90), ("2h", 7200)])
def test_durations(text: str, seconds: float) -> None:
    assert Seconds().convert(text, None, None) == seconds


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("plann", 'Error: planform has no command "plann". Did you mean "plan"?\n  See: planform --help\n'),
        ("plan --tarqet x", 'plan has no option "--tarqet".\n  Did you mean "--target"? See: planform plan --help\n'),
        ("plan -outt x", 'plan has no option "--outt".\n  Did you mean "--out"? See: planform plan --help\n'),
        ("state lst", 'Error: planform state has no command "lst". Did you mean "list"?'),
        ("apply a b", "Error: Got unexpected extra argument (b)\n  See: planform apply --help\n"),
        ("logs", "Error: Missing argument 'ADDRESS'."),
        ("runs wait --timeout soon", '"soon" is not a duration; write 20s, 5m or 1h.'),
        ("-chdir=nowhere plan", "Error: There is no folder nowhere to work in: No such file or directory.\n"),
    ],
)  # fmt: skip
def test_usage_errors(words: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(words.split())
    printed = capsys.readouterr()
    assert stopped.value.code == 1
    assert message in printed.err
    assert printed.out == ""
