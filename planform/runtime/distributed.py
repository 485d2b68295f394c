"""One script on many processes: what torchrun, mpirun or a driver of one's own is started with, on each host.

`plan` says what this host runs. Hosts find each other by the names in resourceconfig.json; where all are processes of
one machine, PLANFORM_MASTER_ADDR, PLANFORM_MASTER_PORT and PLANFORM_JOIN_PORT say where instead.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from importlib import invalidate_caches
from importlib.util import find_spec
from typing import Any, Mapping, NamedTuple, Sequence

JOIN_PORT = 7778  # where the first host waits for the others
JOIN_SECONDS = 300.0
ADAPTERS = "/dev/infiniband"  # what a container has of an Elastic Fabric Adapter
# Instance types with an Elastic Fabric Adapter, and those of them whose adapter does RDMA (EC2 user guide).
EFA = (
    *("ml.g4dn.8xlarge", "ml.g4dn.12xlarge", "ml.g5.48xlarge", "ml.p3dn.24xlarge", "ml.p4d.24xlarge"),
    *("ml.p4de.24xlarge", "ml.p5.48xlarge", "ml.p5e.48xlarge", "ml.trn1.32xlarge"),
)
RDMA = ("ml.p4d.24xlarge", "ml.p4de.24xlarge", "ml.p5.48xlarge", "ml.p5e.48xlarge", "ml.trn1.32xlarge")


class Start(NamedTuple):
    """What a host does: run a command, or only be there for the first host (`leads`)."""

    name: str
    command: Sequence[str]
    variables: Mapping[str, str]
    joins: bool = False  # nothing is started before all hosts are there
    leads: bool = False  # the first host starts everything; the others stay until it has ended


class NoDriver(Exception):
    """The job asks for a driver that the image or the job does not have."""


def plan(
    driver: Mapping[str, Any],
    script: Sequence[str],
    told: Mapping[str, str],
    folder: str,
    outer: Mapping[str, str],
) -> Start:
    """What this host starts. `script` is the entry script with its interpreter and arguments, `told` are the SM_*
    variables, `folder` is that of the drivers.

    Raises:
        NoDriver: there is no torchrun, no mpirun, or no such driver script.
    """
    kind, settings = next((name, value or {}) for name, value in driver.items() if value is not None)
    place = os.path.join(folder, "distributed_drivers")
    common = {
        "SM_DISTRIBUTED_DRIVER_DIR": place,
        "SM_DISTRIBUTED_CONFIG": json.dumps(settings),
        **_network(told, outer),
    }
    if kind == "torchrun":
        command = _torchrun(settings, script, told)
        if outer.get("RUN_NEURON_PARALLEL_COMPILE") == "1":  # Trainium: compile what the job would run
            command.insert(0, "neuron_parallel_compile")
        return Start("torchrun", command, common, joins=int(told["SM_HOST_COUNT"]) > 1)
    if kind == "mpi":
        return Start("mpirun", _mpi(settings, script, told), {**_mpi_network(told, outer), **common}, True, True)
    path = os.path.join(place, settings.get("driver_script", ""))
    if not os.path.isfile(path):
        raise NoDriver(f"distributed.custom: {settings.get('driver_script')} is not in driver_dir")
    config = json.dumps(settings.get("config") or {})
    return Start(settings["driver_script"], [sys.executable, "-u", path], {**common, "SM_DISTRIBUTED_CONFIG": config})


def processes(settings: Mapping[str, Any], told: Mapping[str, str]) -> int:
    """How many on each host: as configured, else one for each accelerator, else one."""
    asked = settings.get("process_count_per_node")
    return int(asked or int(told["SM_NUM_GPUS"]) or int(told["SM_NUM_NEURONS"]) or 1)


def _torchrun(settings: Mapping[str, Any], script: Sequence[str], told: Mapping[str, str]) -> list[str]:
    command = [shutil.which("torchrun") or ""]
    if not command[0]:
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


def _mpi(settings: Mapping[str, Any], script: Sequence[str], told: Mapping[str, str]) -> list[str]:
    """mpirun for the ranks of all hosts. Each rank starts in the code folder of its own host, with the variables of its
    host: mpirun's daemon has them there, so none need to be handed from one host to another."""
    # By its name: told its path, it has hosts look for libraries beside it before they look where the image says.
    mpirun = next(filter(shutil.which, ("mpirun", "mpiexec")), None)
    if mpirun is None:
        raise NoDriver("distributed.mpi: there is no mpirun")
    hosts, each = json.loads(told["SM_HOSTS"]), processes(settings, told)
    places = hosts if len(hosts) > 1 else ["localhost"]
    command = [mpirun, "--allow-run-as-root", "-np", str(each * len(hosts))]
    command += ["--host", ",".join(f"{host}:{each}" for host in places), "--bind-to", "none", "--map-by", "slot"]
    command += settings.get("mpi_additional_options") or ()
    begin = 'cd "$PLANFORM_CODE" && : > "$PLANFORM_RANKS/$$" && exec "$@"'
    return [*command, "/bin/sh", "-c", begin, "rank", *_with_mpi4py(script)]


def _with_mpi4py(script: Sequence[str]) -> list[str]:
    """A Python script under mpi4py, where that is there: then a rank that raises ends all, as nobody waits for it."""
    invalidate_caches()
    if script[:2] == [sys.executable, "-u"] and find_spec("mpi4py") is not None:
        return [*script[:2], "-m", "mpi4py", *script[2:]]
    return list(script)


def _mpi_network(told: Mapping[str, str], outer: Mapping[str, str]) -> dict[str, str]:
    """Settings of Open MPI (and, since its version 5, of PRRTE), as variables: what the user says is stronger."""
    settings = {
        "OMPI_MCA_plm_rsh_no_tree_spawn": "1",  # only the first host can reach the others
        "PRTE_MCA_plm_ssh_no_tree_spawn": "1",
        "OMPI_MCA_orte_leave_session_attached": "1",  # its daemons end with it, not later in the background
        "OMPI_MCA_btl_vader_single_copy_mechanism": "none",  # containers may not read each other's memory
    }
    interface, several = told.get("SM_NETWORK_INTERFACE_NAME"), int(told["SM_HOST_COUNT"]) > 1
    loopback = bool(outer.get("PLANFORM_JOIN_PORT"))
    if interface and several:
        settings.update(OMPI_MCA_btl_tcp_if_include=interface, OMPI_MCA_oob_tcp_if_include=interface)
        if not loopback:  # which PRRTE does not take
            settings["PRTE_MCA_prte_if_include"] = interface
    if several and loopback:
        settings["OMPI_MCA_if_base_do_not_resolve"] = "1"  # the hosts are names only
        settings["OMPI_MCA_btl"] = "self,tcp"  # in shared memory they would take each other's places
    return {name: value for name, value in settings.items() if name not in outer}


def _network(told: Mapping[str, str], outer: Mapping[str, str]) -> dict[str, str]:
    """What the libraries between hosts need to know; what the user has set stays."""
    variables = {}
    interface = told.get("SM_NETWORK_INTERFACE_NAME")
    if interface and int(told["SM_HOST_COUNT"]) > 1:
        variables = {"NCCL_SOCKET_IFNAME": interface, "GLOO_SOCKET_IFNAME": interface, "NCCL_PROTO": "simple"}
    kind = told.get("SM_CURRENT_INSTANCE_TYPE", "")
    # On this machine the type of an instance is a name only.
    if kind in EFA and os.path.isdir(ADAPTERS) and not outer.get("PLANFORM_JOIN_PORT"):
        variables["FI_PROVIDER"] = "efa"
        if kind in RDMA:
            variables.update(FI_EFA_USE_DEVICE_RDMA="1", RDMAV_FORK_SAFE="1")
    return {name: value for name, value in variables.items() if name not in outer}
