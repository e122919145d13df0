"""Run a command, and print its time and memory as JSON on a last line of its own.

    python launch.py COMMAND…

Linux counts the memory of the process that starts another towards the peak of that one. So a small
program starts what is measured: this one.
"""

import json
import os
import subprocess
import sys
import time


def main() -> int:
    """Run the command, and return its exit code."""
    start = time.perf_counter()
    process = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    cpu = usage.ru_utime + usage.ru_stime
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak": usage.ru_maxrss * 1024}))
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
