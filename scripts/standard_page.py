"""Write the list of requirements into docs/sandbox-standard.md, from proving/standard.py.

    python scripts/standard_page.py

Only what stands between the two markers is replaced; a test checks that the page matches the list.
"""

from pathlib import Path

from fumehood_tools.proving.standard import PARTS, REQUIREMENTS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "sandbox-standard.md"
START, END = "<!-- requirements -->\n", "<!-- end of requirements -->"


def listed() -> str:
    """Return all requirements as Markdown, by part."""
    lines = []
    for part, title in PARTS.items():
        lines.append(f"\n### {part}. {title}\n")
        for one in REQUIREMENTS:
            if one.number.startswith(f"{part}."):
                how = "Read" if one.stage == "read" else "Run"
                lines.append(f"**{one.number}** {one.says}.  ")
                lines.append(f"*Proof* ({how.lower()}): {one.proof}  ")
                lines.append(f"*Remedy*: {one.remedy}\n")
    return "\n".join(lines)


def page(text: str) -> str:
    """Return the text of the page with the list of now."""
    before, _, rest = text.partition(START)
    return f"{before}{START}{listed()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
