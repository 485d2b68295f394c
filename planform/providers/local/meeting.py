"""Where the nodes of a run find each other when all are processes of this machine.

Chosen when the run starts, not when it is submitted: while it waits in a queue others come and take what was free.
"""

from __future__ import annotations

import random
import socket
from contextlib import suppress

ADDRESS = "127.0.0.1"
# Below what systems give to connections that go out, so that none of those takes the port before the job does.
PORTS = range(20_000, 32_000)


def meeting_place() -> tuple[socket.socket, dict[str, str]]:
    """A socket at which the first node hears the others, and what all are told: its port, and one for the job's use.

    Raises:
        OSError: no port is free.
    """
    server = socket.socket()
    server.bind((ADDRESS, 0))
    server.listen(64)
    return server, {
        "PLANFORM_JOIN_PORT": str(server.getsockname()[1]),
        "PLANFORM_MASTER_ADDR": ADDRESS,
        "PLANFORM_MASTER_PORT": str(_free_port()),
    }


def _free_port() -> int:
    for port in random.sample(PORTS, 100):
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("", port))  # on all addresses, as launchers do
            return port
    raise OSError("no port is free for the job")
