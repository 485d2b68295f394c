"""How hosts of a job find each other and stay together: each of the others waits for the first, which says when it is
over. A host that never joins, or is lost, ends the job with its name."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from typing import Callable, Mapping, Sequence, Tuple

Address = Tuple[str, int]


class Lost(Exception):
    """A host did not join in time, or went away."""


def wait_for_first(address: Address, seconds: float, asked: Callable[[], int]) -> int:
    """Be there for the first host until it says that it is over; the exit code it gives.

    Raises:
        Lost: it does not come, or goes without a word.
    """
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("" if address[0] != "127.0.0.1" else address[0], address[1]))
        server.listen(1)
        server.settimeout(0.5)
        end = time.monotonic() + seconds
        while True:
            if asked():
                return 128 + asked()
            try:
                connection, _ = server.accept()
                break
            except socket.timeout:
                if time.monotonic() > end:
                    raise Lost(f"algo-1 did not come within {seconds:.0f} seconds") from None
    with connection:
        connection.settimeout(0.5)
        heard = b""
        while not heard.endswith(b"\n"):
            if asked():
                return 128 + asked()
            try:
                chunk = connection.recv(64)
            except socket.timeout:
                continue
            except OSError:
                chunk = b""
            if not chunk:
                raise Lost("algo-1 went away without a word")
            heard += chunk
        return int(heard)


def gather(
    hosts: Sequence[str], addresses: Sequence[Address], seconds: float, asked: Callable[[], int]
) -> list[socket.socket]:
    """Connect to every other host.

    Raises:
        Lost: some did not join; all of them are named.
    """
    end = time.monotonic() + seconds
    joined: dict[str, socket.socket] = {}
    while len(joined) < len(hosts) and not asked():
        for host, address in zip(hosts, addresses):
            if host not in joined:
                with contextlib.suppress(OSError):
                    joined[host] = socket.create_connection(address, timeout=2)
        if len(joined) < len(hosts):
            if time.monotonic() > end:
                missing = ", ".join(host for host in hosts if host not in joined)
                raise Lost(f"{missing} did not join within {seconds:.0f} seconds")
            time.sleep(0.1)
    return list(joined.values())


def dismiss(connections: Sequence[socket.socket], code: int) -> None:
    """Tell the others that it is over."""
    for connection in connections:
        with contextlib.suppress(OSError):
            connection.sendall(b"%d\n" % code)
        connection.close()


def serve_ssh(variables: Mapping[str, str]) -> None:
    """Let mpirun in, where the image has an SSH server; its sessions get the variables of the job."""
    program = shutil.which("sshd") or "/usr/sbin/sshd"
    if not os.path.exists(program):
        return
    try:
        os.makedirs("/run/sshd", exist_ok=True)
        with open("/etc/environment", "a", encoding="utf-8") as file:
            for name, value in variables.items():
                if "\n" not in value:
                    file.write(f"{name}={value}\n")
        subprocess.Popen([program, "-D"], stdin=subprocess.DEVNULL)
    except OSError:
        pass  # not allowed to: then mpirun says what it misses
