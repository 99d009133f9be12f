"""A real Slurm of several nodes on one machine, from the system's packages; no accounting."""

from __future__ import annotations

import getpass
import os
import secrets
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "srun", "scontrol", "sinfo")
#: Marks processes of jobs as those of one cluster; Slurm hands the environment on to its jobs.
MARK = "META_TEST_CLUSTER"
#: Daemons are not on the path of everybody.
PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))


def absent() -> list[str]:
    """Programs that a cluster needs and that are not installed."""
    return [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@dataclass
class Cluster:
    """Controller and nodes, all files of which are in one folder."""

    folder: Path
    nodes: tuple[str, ...] = ("node1", "node2")
    daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def conf(self) -> Path:
        return self.folder / "slurm.conf"

    @property
    def environment(self) -> dict[str, str]:
        temporary = self.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        outer = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM_", "SBATCH_"))}
        return outer | {
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{PATH}",
            "SLURM_CONF": str(self.conf),
            "TMPDIR": str(temporary),
            MARK: str(self.folder),
        }

    def start(self) -> None:
        """Write the settings and start the daemons.

        Raises
        ------
        TimeoutError
            If the nodes are not idle within a minute.
        """
        self._write()
        places = ("key-file", "pid-file", "log-file", "seed-file", "socket")
        munge = [f"--{p}={self.folder}/munge.{p.removesuffix('-file')}" for p in places]
        # By force: pytest's folder is the user's alone, which to munged is a fault.
        self._daemon("munged", "munged", "--foreground", "--force", *munge)
        self.wait(lambda: (self.folder / "munge.socket").exists(), 20, "munged")
        self._daemon("slurmctld", "slurmctld", "-D")
        for node in self.nodes:
            self._daemon(node, "slurmd", "-D", "-N", node)
        self.wait(lambda: self.states() == dict.fromkeys(self.nodes, "idle"), 60, "idle nodes")

    def stop(self) -> None:
        """End the daemons, and what is left of their jobs."""
        for process in self.processes():
            self._kill(process)
        for daemon in reversed(self.daemons.values()):
            daemon.terminate()
        for daemon in self.daemons.values():
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    def ask(self, *words: str) -> str:
        """What a command of Slurm prints."""
        return subprocess.run(
            words, env=self.environment, capture_output=True, text=True, check=True
        ).stdout

    def states(self) -> dict[str, str]:
        """State of each node; nothing while the controller does not answer."""
        with suppress(subprocess.CalledProcessError):
            lines = self.ask("sinfo", "--noheader", "--Node", "--format=%N %t").splitlines()
            return dict(line.split() for line in lines)
        return {}

    def jobs(self) -> list[dict[str, str]]:
        """Fields of every job, finished ones too, by the names of `scontrol`."""
        lines = self.ask("scontrol", "--oneliner", "show", "job").splitlines()
        words = [[w for w in line.split() if "=" in w] for line in lines if "JobId=" in line]
        return [dict(word.split("=", 1) for word in line) for line in words]

    def processes(self, node: str | None = None) -> list[psutil.Process]:
        """Processes of jobs that run on a node, or on any."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                environment = process.environ()
                here = environment.get(MARK) == str(self.folder)
                where = environment.get("SLURMD_NODENAME")
                if here and where and node in (None, where):
                    found.append(process)
        return found

    def kill(self, node: str) -> None:
        """End a node as a loss of power does: its daemon and all that it runs, at once."""
        jobs = self.processes(node)
        steps = {parent for job in jobs for parent in job.parents()
                 if parent.name().startswith("slurmstepd")}  # fmt: skip
        self.daemons[node].kill()
        self.daemons[node].wait()
        for process in [*steps, *jobs]:
            self._kill(process)

    def wait(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait until something holds.

        Raises
        ------
        TimeoutError
            If it does not in time; with the logs of the daemons.
        """
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"{what}: not within {seconds:.0f} s\n{self.logs()}")
            time.sleep(0.5)

    def logs(self) -> str:
        """Last lines of each daemon's log."""
        files = sorted(self.folder.glob("*.log"))
        return "\n".join(f"== {f.name}\n" + "\n".join(f.read_text().splitlines()[-15:])
                         for f in files)  # fmt: skip

    def _write(self) -> None:
        controller, *ports = free_ports(1 + len(self.nodes))
        host, user = socket.gethostname().partition(".")[0], getpass.getuser()
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o400)
        (self.folder / "state").mkdir()
        nodes = "\n".join(
            f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=1"
            " RealMemory=16000"
            for node, port in zip(self.nodes, ports, strict=True)
        )
        self.conf.write_text(CONF.format(
            controller=controller, host=host, user=user, folder=self.folder, nodes=nodes
        ))  # fmt: skip
        # The executor's step takes SLURM_* from what it starts, SLURM_CONF too.
        shim = self.folder / "bin" / "srun"
        shim.parent.mkdir()
        srun = shutil.which("srun", path=PATH)
        shim.write_text(f'#!/bin/sh\nSLURM_CONF={self.conf} exec {srun} "$@"\n')
        shim.chmod(0o755)

    def _daemon(self, name: str, program: str, *words: str) -> None:
        path = shutil.which(program, path=PATH)
        assert path is not None
        with (self.folder / f"{name}.log").open("wb") as log:
            self.daemons[name] = subprocess.Popen(
                [path, *words], env=self.environment, stdout=log, stderr=log, cwd=self.folder
            )

    @staticmethod
    def _kill(process: psutil.Process) -> None:
        with suppress(psutil.Error):
            process.kill()


#: A node that does not answer for ten seconds is down. Finished jobs stay listed: without
#: accounting, that is how the executor learns of their end.
CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
SchedulerType=sched/backfill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SlurmdParameters=config_overrides
SlurmdTimeout=10
MinJobAge=3600
KillWait=2
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
