"""The list of the fonts of this machine, which matplotlib makes once, in up to half a minute."""

import subprocess
import sys
from pathlib import Path

from fumehood_tools.children import our_environment

LIST_SECONDS = 120.0
FOLDER_VARIABLE = "MPLCONFIGDIR"


def list_fonts(folder: Path) -> None:
    """Let matplotlib list the fonts in this folder, unless it has done so or is not installed."""
    if list(folder.glob("fontlist-*.json")):
        return
    subprocess.run(
        [sys.executable, "-P", "-c", "import matplotlib.font_manager"],
        env=our_environment({FOLDER_VARIABLE: str(folder)}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=LIST_SECONDS,
        check=False,
    )
