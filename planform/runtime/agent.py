"""What mpirun starts in the place of ssh: `python agent.py HOST COMMAND...` runs a command on another host of the job.

The connections to the hosts are those by which they joined. The first host's `train.py` lends them through a socket in
a private folder, PLANFORM_LENDER, for as long as mpirun runs.
"""

from __future__ import annotations

import array
import contextlib
import json
import os
import shlex
import shutil
import socket
import sys
import tempfile
import threading
from typing import Iterator, Mapping, Sequence


@contextlib.contextmanager
def lending(joined: Mapping[str, socket.socket]) -> Iterator[dict[str, str]]:
    """Lend the connections while mpirun runs; the variables that tell it so."""
    folder = tempfile.mkdtemp(prefix="planform-")  # for this user alone
    server = socket.socket(socket.AF_UNIX)
    try:
        program = os.path.join(folder, "agent")
        with open(program, "w", encoding="utf-8") as file:
            words = map(shlex.quote, (sys.executable, os.path.abspath(__file__)))
            file.write(f'exec {" ".join(words)} "$@"\n')
        place = os.path.join(folder, "lender")
        server.bind(place)
        server.listen(64)
        threading.Thread(target=_lend, args=(server, joined), daemon=True).start()
        # Open MPI's name for it, and that of its successor since version 5.
        names = ("OMPI_MCA_plm_rsh_agent", "PRTE_MCA_plm_ssh_agent")
        yield {"PLANFORM_LENDER": place, **{name: f"/bin/sh {program}" for name in names if name not in os.environ}}
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)


def _lend(server: socket.socket, joined: Mapping[str, socket.socket]) -> None:
    while True:
        try:
            agent, _ = server.accept()
        except OSError:  # closed: mpirun has ended
            return
        with agent, contextlib.suppress(OSError):
            connection = joined.get(agent.recv(256).decode())
            if connection is not None:
                descriptors = array.array("i", [connection.fileno()])
                agent.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])


def borrowed(host: str) -> socket.socket | None:
    """The connection to a host; None when it has none, as the first host itself."""
    with socket.socket(socket.AF_UNIX) as lender:
        lender.connect(os.environ["PLANFORM_LENDER"])
        lender.sendall(host.encode())
        space = socket.CMSG_SPACE(array.array("i").itemsize)
        _, given, _, _ = lender.recvmsg(1, space)
    for _, _, data in given:
        return socket.socket(fileno=array.array("i", data)[0])
    return None


def main(words: Sequence[str]) -> int:
    host, command = words[0], " ".join(words[1:])
    connection = borrowed(host)
    if connection is None:
        os.execv("/bin/sh", ["/bin/sh", "-c", command])
    with connection, connection.makefile("rb") as answers:
        connection.sendall(f"run {json.dumps(command)}\n".encode())
        answer = answers.readline()
    return int(answer or 255)  # gone without a word: as ssh says it


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
