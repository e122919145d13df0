"""A nvidia-smi for pods, which have no GPU: it answers from files that tests set.

It knows --query-gpu with --format=csv and its options, --query-compute-apps (nothing), and -L.
"""

from pathlib import Path

from fakes.runpod.orders import Gpu

PROGRAM = r"""#!/bin/sh
if [ -e /opt/image/gpus/broken ]; then
  echo "Unable to determine the device handle for GPU0: Unknown Error"
  exit 9
fi
fields= format=
for word in "$@"; do
  case "$word" in
    --query-gpu=*) fields=${word#*=} ;;
    --format=*) format=${word#*=} ;;
    --query-compute-apps=*) exit 0 ;;
    -L) fields=name,uuid format=csv,noheader ;;
  esac
done
[ -n "$fields" ] || { echo "this stand-in needs --query-gpu=" >&2; exit 2; }
case "$format" in *noheader*) ;; *) echo "$fields" | sed 's/,/, /g' ;; esac
units=MiB
case "$format" in *nounits*) units= ;; esac
for one in /opt/image/gpus/[0-9]*; do
  [ -e "$one" ] || { echo "No devices were found"; exit 6; }
  awk -F= -v fields="$fields" -v units="$units" '
    { value[$1] = $2 }
    END {
      count = split(fields, name, ",")
      for (i = 1; i <= count; i++) {
        told = name[i] in value ? value[name[i]] : "[N/A]"
        if (units != "" && name[i] ~ /^memory/) told = told " " units
        printf "%s%s", told, i < count ? ", " : "\n"
      }
    }' "$one"
done
"""


def install(root: Path, name: str, kind: Gpu | None, count: int) -> None:
    """Put the program and its answers for idle GPUs into a container."""
    folder = root / "opt/image/gpus"
    folder.mkdir(parents=True)
    program = root / "opt/image/bin/nvidia-smi"
    program.write_text(PROGRAM, encoding="utf-8")
    program.chmod(0o755)
    for index in range(count):
        set_used(root, name, kind, index, 1)


def set_used(root: Path, name: str, kind: Gpu | None, index: int, used_mib: int) -> None:
    """Say how much memory of a GPU is in use."""
    total = (kind.memory_gb if kind else 24) * 1024
    values = {
        "index": index,
        "name": name,
        "uuid": f"GPU-00000000-0000-0000-0000-{index:012}",
        "driver_version": "570.86.15",
        "memory.total": total,
        "memory.used": used_mib,
        "memory.free": total - used_mib,
        "utilization.gpu": 0,
    }
    lines = [f"{key}={value}\n" for key, value in values.items()]
    (root / "opt/image/gpus" / str(index)).write_text("".join(lines), encoding="utf-8")


def set_broken(root: Path, broken: bool) -> None:
    """Let the driver fail, or work again."""
    mark = root / "opt/image/gpus/broken"
    if broken:
        mark.touch()
    else:
        mark.unlink(missing_ok=True)
