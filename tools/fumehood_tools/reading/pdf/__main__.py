"""The child: `python -m fumehood_tools.reading.pdf`, request on stdin, see reading/children.py.

request: {"path", "password", "max_pages", "name", "out"}; out gets the Document as JSON.
"""

import json
import sys
from pathlib import Path

from fumehood_tools.errors import Unreadable
from fumehood_tools.reading.pdf.opening import read_document


def main() -> int:
    """Answer one request."""
    request = json.load(sys.stdin)
    try:
        document = read_document(
            Path(request["path"]),
            name=request["name"],
            password=request["password"],
            max_pages=request["max_pages"],
            on_page=lambda done, total: print("page", done, total, flush=True),
        )
    except Unreadable as error:
        print("error", " ".join(str(error).split()), flush=True)
        return 0
    Path(request["out"]).write_text(document.model_dump_json(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
