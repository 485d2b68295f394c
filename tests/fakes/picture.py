"""What a screenshot shows, as far as a test can tell: how many pixels have which colour, and where."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from typing import NamedTuple


class Picture(NamedTuple):
    width: int
    height: int
    colours: Counter[str]  # "#0969da" -> pixels
    rows: dict[str, tuple[int, int]]  # colour -> first and last row that has it


def picture(png: bytes) -> Picture:
    """A PNG of 8 bits a channel, not interlaced, as browsers write it."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", png[16:29])
    assert (depth, interlaced) == (8, 0)
    size = {2: 3, 6: 4}[kind]
    data, at = b"", 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : at + 8 + length]
        at += length + 12
    raw, stride = zlib.decompress(data), width * size
    colours: Counter[str] = Counter()
    rows: dict[str, tuple[int, int]] = {}
    above = bytearray(stride)
    for row in range(height):
        start = row * (stride + 1)
        line = _unfiltered(raw[start], bytearray(raw[start + 1 : start + 1 + stride]), above, size)
        seen = Counter(bytes(line[x : x + 3]).hex() for x in range(0, stride, size))
        for colour, count in seen.items():
            colours[f"#{colour}"] += count
            first, _ = rows.get(f"#{colour}", (row, row))
            rows[f"#{colour}"] = (first, row)
        above = line
    return Picture(width, height, colours, rows)


def _unfiltered(kind: int, line: bytearray, above: bytearray, size: int) -> bytearray:
    """One row of pixels out of what the PNG has of it (PNG specification, 9.2)."""
    if kind == 0:
        return line
    if kind == 2:
        return bytearray((value + up) & 255 for value, up in zip(line, above, strict=True))
    for index in range(len(line)):
        left, corner = (line[index - size], above[index - size]) if index >= size else (0, 0)
        up = above[index]
        if kind == 1:
            near = left
        elif kind == 3:
            near = (left + up) // 2
        else:
            to_left, to_up, to_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
            near = left if to_left <= to_up and to_left <= to_corner else up if to_up <= to_corner else corner
        line[index] = (line[index] + near) & 255
    return line
