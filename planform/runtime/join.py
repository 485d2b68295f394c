"""How hosts of a job find each other and stay together. The first host listens; the others come to it and do what it
says: start, run a command for it, or end. A host that never comes ends the job with its name.

Orders go to who came, and are taken from whom one came to: nobody else who reaches a port can have anything run.
"""

from __future__ import annotations

import contextlib
import select
import socket
import time
from typing import Callable, Iterable, Mapping, Sequence, Tuple

Address = Tuple[str, int]
Asked = Callable[[], int]  # the signal that asks this host to end; 0 as long as there was none

TICK = 0.2  # seconds after which signals and deadlines are looked at
NAME_SECONDS = 5.0  # who connects says its name within this time


class Lost(Exception):
    """A host did not join in time, or went away."""


def listen(address: Address, descriptor: str | None) -> socket.socket:
    """Where the first host hears the others: at its address, or at a socket that whoever started it made."""
    if descriptor:
        return socket.socket(fileno=int(descriptor))
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("", address[1]))
    server.listen(64)
    return server


def gather(server: socket.socket, hosts: Sequence[str], seconds: float, asked: Asked) -> dict[str, socket.socket]:
    """The connections to all other hosts, by name; fewer only when this host is asked to end.

    Raises:
        Lost: some did not join; all of them are named, also to those that did.
    """
    end = time.monotonic() + seconds
    joined: dict[str, socket.socket] = {}
    server.settimeout(TICK)
    while len(joined) < len(hosts) and not asked():
        if time.monotonic() > end:
            missing = ", ".join(host for host in hosts if host not in joined)
            why = f"{missing} did not join within {seconds:.0f} seconds"
            tell(joined.values(), f"lost {why}")
            for connection in joined.values():
                connection.close()
            raise Lost(why)
        with contextlib.suppress(OSError):
            connection, _ = server.accept()
            name = _introduced(connection)
            if name in hosts:
                joined[name] = connection
            else:
                connection.close()
    return joined


def come(host: str, address: Address, seconds: float, asked: Asked) -> socket.socket | None:
    """Come to the first host and say who we are; None when this host is asked to end meanwhile.

    Raises:
        Lost: the first host is not there in time.
    """
    end = time.monotonic() + seconds
    while not asked():
        try:
            connection = socket.create_connection(address, timeout=2)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            connection.settimeout(None)
            connection.sendall(host.encode() + b"\n")
            return connection
        except OSError:
            if time.monotonic() > end:
                raise Lost(f"algo-1 did not come within {seconds:.0f} seconds") from None
            time.sleep(TICK)
    return None


def order(connection: socket.socket, asked: Asked) -> tuple[str, str]:
    """The next word of the first host and what belongs to it; two empty ones when this host is asked to end meanwhile.

    Raises:
        Lost: the first host says that one is missing, or goes away without a word.
    """
    heard = b""
    while not asked():
        if not _ready(connection, TICK):
            continue
        byte = _received(connection, 1)
        if not byte:
            raise Lost("algo-1 went away without a word")
        if byte == b"\n":
            word, _, rest = heard.decode().partition(" ")
            if word == "lost":
                raise Lost(rest)
            return word, rest
        heard += byte
    return "", ""


def tell(connections: Iterable[socket.socket], order: str) -> None:
    for connection in connections:
        with contextlib.suppress(OSError):  # it is gone; who waits for it hears so
            connection.sendall(order.encode() + b"\n")


def left(connection: socket.socket) -> bool:
    """Whether the other end has gone."""
    return _ready(connection, 0) and not _received(connection, 1, socket.MSG_PEEK)


def first_address(hosts: Sequence[str], outer: Mapping[str, str], port: int) -> Address:
    """Where the first host listens: by its name, or on the loopback where all hosts are processes of one machine."""
    loopback = outer.get("PLANFORM_JOIN_PORT")
    return ("127.0.0.1", int(loopback)) if loopback else (hosts[0], port)


def _introduced(connection: socket.socket) -> str:
    connection.settimeout(NAME_SECONDS)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    name = b""
    while not name.endswith(b"\n") and len(name) < 256:
        byte = _received(connection, 1)
        if not byte:
            return ""
        name += byte
    connection.settimeout(None)
    return name.decode(errors="replace").strip()


def _ready(connection: socket.socket, seconds: float) -> bool:
    return bool(select.select([connection], [], [], seconds)[0])


def _received(connection: socket.socket, size: int, flags: int = 0) -> bytes:
    try:
        return connection.recv(size, flags)
    except OSError:
        return b""
