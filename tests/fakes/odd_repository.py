"""A repository whose files are hard to pack without changing them, and keys that are no keys."""

import os
from pathlib import Path

ODD_TEXTS = {
    "crlf.txt": b"one\r\ntwo\r\n",
    "only_cr.txt": b"one\rtwo\rthree",
    "no_last_line_feed.py": b"x = 1",
    "empty.py": b"",
    "line_feeds.txt": b"\n\n\n",
    "indented.py": b"    x = 1\n\n\n",
    "ends.xml": b"<a>]]></a></file></repository> & &amp; &lt; &#13; <!-- -->\n",
    "fences.md": b"````\n```\ncode\n```\n`````` and `one`\n",
    "controls.py": b"a\x0cb\x1b[0m\x01\x7f\n",
    "pictures.txt": "\u240c stands for \x0c\n".encode(),
    "no_character.txt": "\ufffe\uffff\n".encode(),
    "bom.py": b"\xef\xbb\xbfx = 1\n",
    "latin.txt": "café\n".encode("latin-1"),
    "wide.txt": "漢字 \U0001f9ea é\u2028\x85\n".encode(),
    "one_line.json": b'{"a": "' + b"x" * 70_000 + b'"}',
    "deep/er/file.c": b"int main() { return 1 && 0; }\n",
}
"""Path -> bytes; each is text."""

ODD_NAMES = {b"line\nfeed.txt": b"a\n", b"latin-\xe9.txt": b"b\n", b'quote"<&>.txt': b"c\n"}

BINARY = {
    "picture.png": b"\x89PNG\r\n\x1a\n\x00\x01",
    "nul.txt": b"a\0b\n",
    "noise.bin": b"\xff\x01\xfe",
    "utf16.txt": "hello\n".encode("utf-16"),
}


def write_odd_repository(folder: Path) -> None:
    """Write all of the files above, a link that leaves the folder, a FIFO, and an LFS pointer."""
    for path, content in {**ODD_TEXTS, **BINARY}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    for name, content in ODD_NAMES.items():
        Path(os.fsdecode(os.path.join(os.fsencode(folder), name))).write_bytes(content)
    (folder / "outside").symlink_to("/etc")
    os.mkfifo(folder / "pipe")
    (folder / "weights.safetensors").write_text(
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 9\n",
        encoding="utf-8",
    )


def made_up_keys() -> dict[str, str]:
    """Return kind -> a text with the form of such a key. None of them is one."""
    return {
        "Hugging Face token": "hf_" + "Aa1" * 12,
        "RunPod key": "rpa_" + "B2" * 20,
        "OpenAI key": "sk-" + "proj-" + "Cc3" * 12,
        "Anthropic key": "sk-" + "ant-" + "Dd4" * 12,
        "GitHub Token": "gh" + "p_" + "E5" * 18,
        "AWS Access Key": "AK" + "IA" + "F6" * 8,
        "Slack Token": "xo" + "xb-" + "123-456-" + "abc7" * 4,
        "Google API key": "AI" + "za" + "G8h" * 11 + "G8",
    }
