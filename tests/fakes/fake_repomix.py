"""A stand-in for repomix, which packs as the port on PyPI 0.5.0 does, or fails in one way.

    python fake_repomix.py FAULT FOLDER --style xml … -o OUTPUT

It writes what that port was seen to write. FAULT: none, drop (leaves a file out), change (changes a
byte), exit (fails), hang.
"""

import sys
import time
from pathlib import Path
from xml.sax.saxutils import escape


def main() -> None:
    """Pack the folder."""
    fault, folder = sys.argv[1], Path(sys.argv[2])
    options = dict(zip(sys.argv[3:], sys.argv[4:], strict=False))
    if fault == "exit":
        sys.exit("something went wrong")
    if fault == "hang":
        time.sleep(600)
    texts = {}
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file():
            text = path.read_text("utf-8").strip()
            texts[path.relative_to(folder).as_posix()] = text
    first = min(texts)
    if fault == "drop":
        del texts[first]
    if fault == "change":
        texts[first] = texts[first].replace("1", "2")
    write = _xml if options["--style"] == "xml" else _markdown
    Path(options["-o"]).write_text(write(texts), "utf-8", newline="")


def _xml(texts: dict[str, str]) -> str:
    files = "".join(
        f"\n  <file>\n    \n  \n    <path>{escape(path)}</path>\n    \n  \n    "
        + (f"<content>{escape(text, {chr(34): '&quot;'})}</content>" if text else "<content/>")
        + "\n    \n\n  </file>"
        for path, text in texts.items()
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<repository>{files}\n</repository>\n'


def _markdown(texts: dict[str, str]) -> str:
    return "# Repository Files\n\n" + "".join(
        f"\n## {path}\n\n{'`' * 8}python\n{text}\n{'`' * 8}\n" for path, text in texts.items()
    )


if __name__ == "__main__":
    main()
