"""What a crash cuts off a journal is ignored; anything else that is wrong with it is noticed."""

from pathlib import Path

import pytest

from planform.backends.journal import Journal, JournalFile, framed, header, parse_journal
from planform.core.addresses import Address
from planform.core.errors import StateDamaged
from planform.core.state import Forgotten
from planform.core.statefile import entry_line

ENTRIES = tuple(Forgotten(Address("queue", "a", key)) for key in range(4))
LINES = [header("j", "lineage", 3), *map(entry_line, ENTRIES)]
WHOLE, _ = framed(LINES)
PARTS = WHOLE.splitlines(keepends=True)


def test_a_journal_survives() -> None:
    assert parse_journal(WHOLE, "here") == Journal("j", "lineage", ENTRIES)


@pytest.mark.parametrize("cut", range(1, len(PARTS[-1]) + 1))
def test_a_torn_last_line_is_ignored(cut: int) -> None:
    assert parse_journal(WHOLE[:-cut], "here") == Journal("j", "lineage", ENTRIES[:-1])


@pytest.mark.parametrize("length", range(len(PARTS[0])))
def test_a_torn_header_means_that_nothing_was_written(length: int) -> None:
    assert parse_journal(WHOLE[:length], "here") == Journal()


def test_blocks_that_the_disk_never_got_are_a_torn_tail() -> None:
    hole = b"".join(PARTS[:3]) + b"\0" * len(PARTS[3]) + PARTS[4]
    assert parse_journal(hole, "here") == Journal("j", "lineage", ENTRIES[:2])


@pytest.mark.parametrize("position", range(len(WHOLE) - 1))
def test_an_altered_byte_is_noticed_wherever_it_is(position: int) -> None:
    altered = WHOLE[:position] + bytes([WHOLE[position] ^ 1]) + WHOLE[position + 1 :]
    with pytest.raises(StateDamaged, match="The journal here is damaged in line"):
        parse_journal(altered, "here")


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param(PARTS[:2] + PARTS[3:], id="a line removed"),
        pytest.param(PARTS[1:], id="the header removed"),
        pytest.param([PARTS[0], PARTS[2], PARTS[1], *PARTS[3:]], id="two lines exchanged"),
        pytest.param([*PARTS, PARTS[-1]], id="a line twice"),
    ],
)
def test_lines_that_are_not_in_their_place_are_noticed(parts: list[bytes]) -> None:
    with pytest.raises(StateDamaged, match="damaged in line"):
        parse_journal(b"".join(parts), "here")


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([header("j", "l", 1).replace('"format": 1', '"format": 2')], id="a newer format"),
        pytest.param([header("j", "l", 1), '{"renamed": {}}'], id="an entry of a newer planform"),
        pytest.param(["{}"], id="no header"),
    ],
)
def test_a_journal_of_a_newer_planform_is_refused(lines: list[str]) -> None:
    with pytest.raises(StateDamaged, match="cannot be read by this version"):
        parse_journal(framed(lines)[0], "here")


def test_appends_of_any_size_make_one_journal(tmp_path: Path) -> None:
    path = tmp_path / "main.journal"
    path.write_text("left by someone, and folded")
    journal = JournalFile(path, "lineage", 3)
    lines = LINES[1:]
    journal.append([], durable=True)
    assert path.read_bytes() == b""
    journal.append(lines[:1], durable=False)
    journal.append(lines[1:3], durable=True)
    journal.append([], durable=True)
    journal.append(lines[3:], durable=False)
    assert parse_journal(path.read_bytes(), "here") == Journal(journal.id, "lineage", ENTRIES)
    assert journal.content()[0] == path.read_bytes()
    assert journal.records == len(ENTRIES)
    journal.close()
