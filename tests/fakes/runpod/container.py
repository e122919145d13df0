"""A pod's container: bubblewrap with a root folder of its own, in which a real sshd answers.

The container sees /usr of this machine, the Python that runs the stand-in and nothing else of the
disk. It has its own process ids and its own /etc, /root, /tmp and /workspace, but the network of
this machine, so that its sshd listens on a loopback port which stands for the published one. As in
the provider's images, /start.sh makes a host key, takes the keys from PUBLIC_KEY and starts sshd,
and the order's start command replaces it. The environment of the order is that of process 1 only.

Not covered: a limit on the CPU, GPUs, a network of its own. It is no protection against a hostile
program: use it with your own.
"""

import functools
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from fakes.runpod.memory import MemoryCap

SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64")
OF_ETC = ("alternatives", "ld.so.cache", "ssl", "localtime", "ca-certificates")
PATHS = "/opt/image/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"

START = """#!/bin/bash
mkdir -p /run/sshd /root/.ssh
chmod 700 /root/.ssh
{keys}
rm -f /etc/ssh/ssh_host_*
ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
echo "SSH host key: $(ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub)"
{sshd}
echo "Start script has finished, the pod is ready."
sleep infinity &
wait
"""
TAKE_KEYS = 'printf "%s\\n" "$PUBLIC_KEY" > /root/.ssh/authorized_keys\n' + (
    "chmod 600 /root/.ssh/authorized_keys"
)
NEW_KEY = (
    "rm -f /etc/ssh/ssh_host_ed25519_key*\n"
    "ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key"
)
START_SSHD = "/usr/sbin/sshd -D -e &"


class Plan(NamedTuple):
    """How a container is started: the order, and what goes wrong.

    disk_mb: size of a /workspace of its own, which really becomes full. shift: of its clock.
    """

    port: int
    environment: dict[str, str]
    command: str = ""
    volume_path: str = "/workspace"
    sshd: bool = True
    sshd_delay: float = 0.0
    keys: bool = True
    sftp: bool = True
    another_host_key: bool = False
    disk_mb: int = 0
    shift: str = ""
    crash: bool = False


def missing_programs() -> list[str]:
    """Return the packages that this machine lacks for pods."""
    needed = {"bubblewrap": "bwrap", "openssh-server": "/usr/sbin/sshd", "openssh-client": "ssh"}
    return [package for package, program in needed.items() if not shutil.which(program)]


@functools.cache
def is_possible() -> bool:
    """Whether this machine can run pods: all programs, and a kernel that allows namespaces."""
    if missing_programs():
        return False
    line = ["bwrap", "--ro-bind", "/", "/", "--unshare-pid", "--unshare-uts", "--proc", "/proc"]
    return subprocess.run([*line, "true"], capture_output=True, timeout=20).returncode == 0


def lay_out(root: Path, volume: Path, plan: Plan) -> None:
    """Write the files of a fresh container; what an earlier one has left there is removed."""
    shutil.rmtree(root, ignore_errors=True)
    volume.mkdir(parents=True, exist_ok=True)
    for folder in ("etc/ssh", "root", "tmp", "run/sshd", "opt/image/bin", "var/log", "var/tmp"):
        (root / folder).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    (root / "root").chmod(0o700)
    ids = f"{os.geteuid()}:{os.getegid()}"
    users = [f"root:x:{ids}:root:/root:/bin/bash"]
    if os.geteuid() == 0:
        users += [
            "sshd:x:74:74:sshd:/run/sshd:/usr/sbin/nologin",
            "nobody:x:65534:65534::/:/bin/sh",
        ]
    _write(root / "etc/passwd", *users)
    _write(
        root / "etc/group", f"root:x:{os.getegid()}:", "sshd:x:74:", "nogroup:x:65534:", "tty:x:5:"
    )
    _write(root / "etc/nsswitch.conf", "passwd: files", "group: files", "hosts: files dns")
    _write(root / "etc/hosts", "127.0.0.1 localhost")
    _write(root / "etc/ssh/sshd_config", *_sshd_config(plan))
    _write(root / "start.sh", _start(plan))
    (root / "start.sh").chmod(0o755)


def command_line(
    root: Path, volume: Path, plan: Plan, hostname: str, cap: MemoryCap | None
) -> list[str]:
    """Return the command that runs the container. Its end is the end of all that runs inside."""
    line = ["bwrap", "--bind", str(root), "/", "--ro-bind", "/usr", "/usr"]
    for name in SYSTEM:
        if (place := Path("/") / name).is_symlink():
            line += ["--symlink", os.readlink(place), f"/{name}"]
        elif place.exists():
            line += ["--ro-bind", f"/{name}", f"/{name}"]
    for name in OF_ETC:
        line += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    line += ["--ro-bind-try", "/sys/devices/system/cpu", "/sys/devices/system/cpu"]
    for prefix in _pythons():
        line += ["--ro-bind", prefix, prefix]
    line += ["--proc", "/proc", "--dev", "/dev"]
    if plan.disk_mb:
        line += ["--size", str(plan.disk_mb * 2**20), "--tmpfs", plan.volume_path]
    else:
        line += ["--bind", str(volume), plan.volume_path]
    line += ["--ro-bind", str(cap.folder), cap.seen_at] if cap else []
    line += ["--unshare-pid", "--unshare-uts", "--unshare-ipc", "--unshare-cgroup-try"]
    line += ["--hostname", hostname, "--as-pid-1", "--die-with-parent", "--chdir", "/"]
    line += _words(plan)
    return cap.wrapped(line) if cap else line


def environment(plan: Plan) -> dict[str, str]:
    """Return the environment of process 1 of the container."""
    given = {"PATH": _path(), "HOME": "/root", "LANG": "C.UTF-8", **_shifted(plan)}
    return given | plan.environment


def _words(plan: Plan) -> list[str]:
    if plan.crash:
        return ["bash", "-c", "echo 'exec: the start command failed' >&2; exit 1"]
    return shlex.split(plan.command) or ["/bin/bash", "/start.sh"]


def _start(plan: Plan) -> str:
    steps = [NEW_KEY] if plan.another_host_key else []
    steps += [f"sleep {plan.sshd_delay}"] if plan.sshd_delay else []
    steps += [START_SSHD] if plan.sshd else []
    return START.format(keys=TAKE_KEYS if plan.keys else "", sshd="\n".join(steps))


def _sshd_config(plan: Plan) -> list[str]:
    lines = [
        f"Port {plan.port}",
        "ListenAddress 127.0.0.1",
        "HostKey /etc/ssh/ssh_host_ed25519_key",
        "PidFile /run/sshd.pid",
        "AuthorizedKeysFile /root/.ssh/authorized_keys",
        "PermitRootLogin prohibit-password",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "UsePAM no",
        "StrictModes no",
        "MaxStartups 50:30:100",
        "MaxSessions 50",
        "PrintMotd no",
        "PrintLastLog no",
        "LogLevel ERROR",
        "SetEnv " + " ".join(f"{name}={value}" for name, value in _of_sessions(plan).items()),
    ]
    return [*lines, "Subsystem sftp internal-sftp"] if plan.sftp else lines


def _of_sessions(plan: Plan) -> dict[str, str]:
    return {"PATH": _path(), "LANG": "C.UTF-8", **_shifted(plan)}


def _shifted(plan: Plan) -> dict[str, str]:
    """Return the variables with which programs see another time of day."""
    if not plan.shift:
        return {}
    return {"LD_PRELOAD": FAKETIME, "FAKETIME": plan.shift, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def _path() -> str:
    return f"{sys.prefix}/bin:{PATHS}"


def _pythons() -> list[str]:
    """Return the folders of the Python that runs the stand-in, where they are not in /usr."""
    found = {sys.prefix, sys.base_prefix}
    found |= {os.path.realpath(prefix) for prefix in found}
    return sorted(prefix for prefix in found if not f"{prefix}/".startswith("/usr/"))


def _write(path: Path, *lines: str) -> None:
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
