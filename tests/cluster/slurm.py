"""A real Slurm with two nodes on this machine, for as long as a ``with`` block lasts.

All daemons and jobs live in a PID and a mount namespace of their own, whose first process waits
for the end of a pipe from here. So the kernel ends all of it and undoes its mounts when the block
is left, and also when this process is killed.
"""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

NODES = ("n1", "n2")
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "munged", "unshare", "setpriv")
NAMESPACES = ("unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc")

# The first process, in the cluster's directory. Steps of Snakemake's executor `slurm` do without
# SLURM_CONF and so find the configuration where Slurm looks by itself.
MACHINE = """
hostname controller
mount --bind etc /etc/slurm
mount --bind etc/hosts /etc/hosts
munged --force --key-file="$PWD/munge/key" --seed-file="$PWD/munge/seed" \
    --pid-file="$PWD/munge/pid" --socket="$PWD/munge/socket" --log-file="$PWD/log/munged.log"
slurmctld
for node in "$@"; do
    unshare --mount --uts bash -euc '
        hostname "$1"
        mount -t tmpfs "$1" node-local
        slurmd -N "$1"
    ' bash "$node"
done
read -r
"""

# The scheduler would else look at waiting jobs every half minute.
CONFIGURATION = """\
ClusterName=tests
SlurmctldHost=controller(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
AuthType=auth/munge
AuthInfo=socket={directory}/munge/socket
StateSaveLocation={directory}/state
SlurmdSpoolDir={directory}/spool/%n
SlurmctldPidFile={directory}/slurmctld.pid
SlurmdPidFile={directory}/slurmd-%n.pid
SlurmctldLogFile={directory}/log/slurmctld.log
SlurmdLogFile={directory}/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
SchedulerParameters=bf_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
KillWait=2
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE
"""
NODE = "NodeName={node} NodeHostname={node} NodeAddr=127.0.0.1 Port={port} CPUs=2 RealMemory=8000\n"


class Cluster:
    """A running cluster. This machine is its login node; all nodes see the same files.

    Attributes
    ----------
    directory
        Its configuration, state and logs.
    node_local
        A directory that is another one on each node, and on the login node.
    environment
        The variables through which programs find the cluster.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.node_local = directory / "node-local"
        self.environment = {"SLURM_CONF": str(directory / "etc" / "slurm.conf")}

    @contextmanager
    def process(
        self,
        *command: str,
        directory: Path | None = None,
        environment: Mapping[str, str] = os.environ,
        stdout: IO[str] | None = None,
    ) -> Iterator[subprocess.Popen[str]]:
        """Start a program on the login node; what is left of it at the block's end is killed."""
        foreign = ("SLURM_", "SBATCH_", "SRUN_")  # these tests may themselves be a Slurm job
        kept = {key: value for key, value in environment.items() if not key.startswith(foreign)}
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command],  # it does not outlive this process
            cwd=directory,
            env=kept | self.environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def run(
        self,
        *command: str,
        directory: Path | None = None,
        environment: Mapping[str, str] = os.environ,
        timeout: float = 60,
        fails: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program on the login node; all that it printed is its ``stdout``."""
        with (
            tempfile.TemporaryFile("w+") as output,  # a pipe would wait for grandchildren too
            self.process(
                *command, directory=directory, environment=environment, stdout=output
            ) as process,
        ):
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout)
            status = process.poll()
            output.seek(0)
            printed = output.read()
        assert status is not None, f"{command} took more than {timeout} s:\n{printed}"
        assert (status != 0) == fails, f"{command} ended with {status}:\n{printed}"
        return subprocess.CompletedProcess(command, status, printed)

    def cancel_jobs(self) -> None:
        """Cancel all jobs and wait until the nodes are free of them."""
        self.run("scancel", "--user=root")
        wait_until(lambda: not self.run("squeue", "--noheader").stdout)

    def is_up(self) -> bool:
        """Whether all nodes wait for jobs."""
        command = ["sinfo", "--noheader", "--Node", "--format=%T"]
        sinfo = subprocess.run(
            command, env=os.environ | self.environment, capture_output=True, text=True, timeout=60
        )
        return sinfo.stdout.split() == ["idle"] * len(NODES)


@contextmanager
def running(directory: Path) -> Iterator[Cluster]:
    """Start a cluster in an empty directory; leave no process and no mount behind."""
    cluster = Cluster(directory)
    configure(directory)
    with (
        (directory / "log" / "machine.log").open("w") as log,
        subprocess.Popen(
            [*NAMESPACES, "bash", "-euc", MACHINE, "bash", *NODES],
            cwd=directory,
            env=os.environ | cluster.environment,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for pytest alone
        ) as machine,
    ):
        try:
            wait_until(cluster.is_up)
            yield cluster
        except TimeoutError as error:
            for file in (directory / "log").iterdir():
                error.add_note(f"{file}:\n{file.read_text()}")
            raise
        finally:
            machine.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                machine.wait(10)
            machine.kill()


def configure(directory: Path) -> None:
    """Write what the daemons need."""
    for name in (
        "etc",
        "log",
        "munge",
        "node-local",
        "state",
        *(f"spool/{node}" for node in NODES),
    ):
        (directory / name).mkdir(parents=True)
    key = directory / "munge" / "key"
    key.touch(mode=0o600)
    key.write_bytes(os.urandom(128))
    controller, *ports = free_ports(1 + len(NODES))
    nodes = [NODE.format(node=node, port=port) for node, port in zip(NODES, ports, strict=True)]
    configuration = CONFIGURATION.format(directory=directory, port=controller)
    (directory / "etc" / "slurm.conf").write_text(configuration + "".join(nodes))
    hosts = f"127.0.0.1 controller {' '.join(NODES)}\n"
    (directory / "etc" / "hosts").write_text(hosts + Path("/etc/hosts").read_text())


def free_ports(number: int) -> list[int]:
    """Ports of this machine that nobody listens on."""
    with ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)
        ]
        return [each.getsockname()[1] for each in sockets]


def wait_until(condition: Callable[[], bool], timeout: float = 30) -> None:
    """Ask again and again until the answer is yes."""
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not so after {timeout} s")
        time.sleep(0.05)
