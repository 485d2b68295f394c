"""One script on many processes: what torchrun, mpirun or a driver of one's own is started with, on each host.

`plan` says what this host runs. Hosts find each other by the names in resourceconfig.json; where all are processes of
one machine, PLANFORM_MASTER_ADDR, PLANFORM_MASTER_PORT and PLANFORM_JOIN_PORTS say where instead.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import Any, Mapping, NamedTuple, Sequence

JOIN_PORT = 7778  # where a host waits for the first one
JOIN_SECONDS = 300.0
# Instance types with an Elastic Fabric Adapter, and those of them whose adapter does RDMA (EC2 user guide).
EFA = (
    *("ml.g4dn.8xlarge", "ml.g4dn.12xlarge", "ml.g5.48xlarge", "ml.p3dn.24xlarge", "ml.p4d.24xlarge"),
    *("ml.p4de.24xlarge", "ml.p5.48xlarge", "ml.p5e.48xlarge", "ml.trn1.32xlarge"),
)
RDMA = ("ml.p4d.24xlarge", "ml.p4de.24xlarge", "ml.p5.48xlarge", "ml.p5e.48xlarge", "ml.trn1.32xlarge")


class Start(NamedTuple):
    """What a host does: run a command, or only be there for the first host (`command` empty)."""

    name: str
    command: Sequence[str]
    variables: Mapping[str, str]
    joins: bool = False  # the first host waits for the others before it starts, and tells them when it has ended


class NoDriver(Exception):
    """The job asks for a driver that the image or the job does not have."""


def plan(
    driver: Mapping[str, Any],
    script: Sequence[str],
    told: Mapping[str, str],
    folder: str,
    resources: Mapping[str, Any],
    outer: Mapping[str, str],
) -> Start:
    """What this host starts. `script` is the entry script with its interpreter and arguments, `told` are the SM_*
    variables, `folder` is that of the drivers.

    Raises:
        NoDriver: there is no torchrun, no mpirun, or no such driver script.
    """
    kind, settings = next((name, value or {}) for name, value in driver.items() if value is not None)
    common = {"SM_DISTRIBUTED_CONFIG": json.dumps(settings), **_network(told, outer)}
    if kind == "torchrun":
        return Start("torchrun", _torchrun(settings, script, told), common)
    if kind == "mpi":
        return _mpi(settings, script, told, common, resources)
    place = os.path.join(folder, "distributed_drivers")
    path = os.path.join(place, settings.get("driver_script", ""))
    if not os.path.isfile(path):
        raise NoDriver(f"distributed.custom: {settings.get('driver_script')} is not in driver_dir")
    config = {"SM_DISTRIBUTED_DRIVER_DIR": place, "SM_DISTRIBUTED_CONFIG": json.dumps(settings.get("config") or {})}
    return Start(settings["driver_script"], [sys.executable, "-u", path], {**common, **config})


def processes(settings: Mapping[str, Any], told: Mapping[str, str]) -> int:
    """How many on each host: as configured, else one for each accelerator, else one."""
    asked = settings.get("process_count_per_node")
    return int(asked or int(told["SM_NUM_GPUS"]) or int(told["SM_NUM_NEURONS"]) or 1)


def join_address(hosts: Sequence[str], rank: int, outer: Mapping[str, str]) -> tuple[str, int]:
    """Where a host waits for the first one."""
    ports = outer.get("PLANFORM_JOIN_PORTS", "")
    return ("127.0.0.1", int(ports.split(",")[rank])) if ports else (hosts[rank], JOIN_PORT)


def _torchrun(settings: Mapping[str, Any], script: Sequence[str], told: Mapping[str, str]) -> list[str]:
    command = [shutil.which("torchrun") or ""]
    if not command[0]:
        from importlib.util import find_spec

        if find_spec("torch") is None:
            raise NoDriver("distributed.torchrun: there is no torchrun, and no package torch")
        command = [sys.executable, "-u", "-m", "torch.distributed.run"]
    count = int(told["SM_HOST_COUNT"])
    command += [f"--nnodes={count}", f"--nproc_per_node={processes(settings, told)}"]
    if count > 1 or told["SM_MASTER_PORT"] != "7777":
        command += [f"--master_addr={told['SM_MASTER_ADDR']}", f"--master_port={told['SM_MASTER_PORT']}"]
        command += [f"--node_rank={told['SM_CURRENT_HOST_RANK']}"]
    return command + _without_interpreter(script)


def _without_interpreter(script: Sequence[str]) -> list[str]:
    """torchrun starts Python itself; anything else it is told not to."""
    if len(script) > 2 and script[0] == sys.executable and script[1] == "-u":
        return list(script[2:])
    return ["--no_python", *script]


def _mpi(
    settings: Mapping[str, Any],
    script: Sequence[str],
    told: Mapping[str, str],
    common: Mapping[str, str],
    resources: Mapping[str, Any],
) -> Start:
    hosts, each = json.loads(told["SM_HOSTS"]), processes(settings, told)
    alone = bool(os.environ.get("PLANFORM_JOIN_PORTS"))  # all hosts are this machine
    if int(told["SM_CURRENT_HOST_RANK"]) > 0:
        return Start("mpi", [], common, joins=True)
    mpirun = shutil.which("mpirun") or shutil.which("mpiexec")
    if mpirun is None:
        raise NoDriver("distributed.mpi: there is no mpirun")
    command = [mpirun, "--allow-run-as-root", "-np", str(each * len(hosts))]
    command += ["--oversubscribe"] if alone else ["--host", ",".join(f"{host}:{each}" for host in hosts)]
    interface = told.get("SM_NETWORK_INTERFACE_NAME")
    if interface and len(hosts) > 1:
        command += ["-mca", "btl_tcp_if_include", interface, "-mca", "oob_tcp_if_include", interface]
    for name in sorted({**told, **common}):
        command += ["-x", name]
    command += list(settings.get("mpi_additional_options") or ())
    return Start("mpirun", [*command, *script], common, joins=len(hosts) > 1)


def _network(told: Mapping[str, str], outer: Mapping[str, str]) -> dict[str, str]:
    """What the libraries between hosts need to know; what the user has set stays."""
    variables = {}
    if int(told["SM_HOST_COUNT"]) > 1 and told.get("SM_NETWORK_INTERFACE_NAME"):
        variables = {"NCCL_SOCKET_IFNAME": told["SM_NETWORK_INTERFACE_NAME"], "NCCL_PROTO": "simple"}
    kind = told.get("SM_CURRENT_INSTANCE_TYPE", "")
    if kind in EFA:
        variables["FI_PROVIDER"] = "efa"
        if kind in RDMA:
            variables.update(FI_EFA_USE_DEVICE_RDMA="1", RDMAV_FORK_SAFE="1")
    return {name: value for name, value in variables.items() if name not in outer}
