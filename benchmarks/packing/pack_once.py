"""Pack one folder in this process, and print what it took as JSON.

    python pack_once.py FOLDER WORKSPACE own|npm|PyPI counted|uncounted COMMAND…

COMMAND: that of repomix. counted: count tokens, without a cache. `seconds` is the time after all
imports; `above` is the peak of memory above that after all imports, in bytes.
"""

import json
import os
import re
import resource
import sys
import time
from pathlib import Path

from fumehood_tools.packing.packer import Tools, pack_checkout
from fumehood_tools.packing.repomix import Repomix
from fumehood_tools.packing.request import PackRequest
from fumehood_tools.packing.secret_scan import SecretScan
from fumehood_tools.packing.tokens import Tokenizer, installed_tokenizer
from fumehood_tools.repositories import local_checkout


def main() -> None:
    """Pack and print."""
    folder, workspace, way, counting, *command = sys.argv[1:]
    nothing = Tokenizer("none", lambda piece: 0, lambda size: 0)
    tokenizer = installed_tokenizer() if counting == "counted" else nothing
    repomix = None if way == "own" else Repomix("npm" if way == "npm" else "PyPI", tuple(command))
    tools = Tools(SecretScan(), tokenizer, None, lambda: repomix)
    request = PackRequest(source=folder, packer="own" if repomix is None else "repomix")
    _warm_up(workspace, tools)
    before, start = _peak(), time.perf_counter()
    checkout = local_checkout(Path(folder), Path(folder).name)
    pack = pack_checkout(checkout, request, Path(workspace), tools)
    seconds, above = time.perf_counter() - start, _peak() - before
    sizes = [os.stat(f"{folder}/{it}").st_size for it in checkout.files]
    print(
        json.dumps(
            {
                "seconds": seconds,
                "above": above,
                "largest": max(sizes),
                "texts": pack.texts,
                "equal": pack.equal,
                "stripped": pack.stripped,
                "bytes": pack.size,
                "packer": pack.packer,
                "note": pack.packer_note,
                "masked": len(pack.secrets),
                "binary": sum(it.reason == "binary" for it in pack.left_out),
                "path": str(Path(workspace) / pack.path),
            }
        )
    )


def _warm_up(workspace: str, tools: Tools) -> None:
    """Pack one small file, so that all that is imported when first used has been."""
    small = Path(workspace) / "small"
    small.mkdir(parents=True, exist_ok=True)
    (small / "a.py").write_text("x = 1\n", encoding="utf-8")
    request = PackRequest(source="small")
    pack_checkout(local_checkout(small, "small"), request, Path(workspace), tools)


def _peak() -> int:
    """Return the largest resident memory of this process so far, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="utf-8"))
        return int(found[1]) * 1024 if found else 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
