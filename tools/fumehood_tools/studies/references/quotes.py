"""Find quoted words in papers that were read, and lines of files in packs.

A quotation must be in the paper's text (`paper_records.quotes`); one that is only similar is
refused. Lines of a pack are given back as they are. Opens documents and packs at first use only.
"""

from collections.abc import Callable
from typing import NamedTuple

from fumehood_tools.errors import BadRequest
from fumehood_tools.packing.shelf import PackShelf
from fumehood_tools.paper_records.quotes import QuoteFinder
from fumehood_tools.quoting import one_line
from fumehood_tools.reading.document import Document
from fumehood_tools.reading.reading import Reading
from fumehood_tools.studies.references.grammar import Reference
from fumehood_tools.studies.references.stating import Stated

MOST_LINES = 40
_MOST_SHOWN = 600

ReadPaper = Callable[[str], tuple[Reading, Document]]
"""Returns a paper that was read, by any of its ids. Raises UnknownName."""


class Sources(NamedTuple):
    """Where quotations are looked up."""

    paper: ReadPaper
    packs: PackShelf

    def find(self, reference: Reference) -> Stated:
        """Return what a quotation says, in the words of its source.

        Raises UnknownName for a paper, pack or file, BadRequest for words that are not there.
        """
        return self._quote(reference) if reference.kind == "quote" else self._lines(reference)

    def _quote(self, reference: Reference) -> Stated:
        reading, document = self.paper(reference.name)
        found = QuoteFinder(document).find(reference.words)
        if found.status != "accepted":
            near = f" The paper says: “{one_line(found.text)[:300]}”." if found.text else ""
            raise BadRequest(
                f"The words “{one_line(reference.words)[:80]}” are not in {reading.paper}: "
                f"{found.reason}{near} Quote the paper's own words; search_paper_text finds them."
            )
        where = found.passage.section if found.passage else None
        place = f", {where}" if where else ""
        said = one_line(found.text or reference.words)[:_MOST_SHOWN]
        return Stated(f"“{said}” ({reading.paper}{place})")

    def _lines(self, reference: Reference) -> Stated:
        pack = self.packs.get(reference.name)
        lines = self.packs.text(pack, self.packs.file(pack, reference.path)).splitlines()
        first, last = reference.lines
        if not 1 <= first <= last <= len(lines) or last - first >= MOST_LINES:
            raise BadRequest(
                f"{reference.text}: {reference.path} has {len(lines)} lines. Name at most "
                f"{MOST_LINES} of them, as FIRST-LAST."
            )
        said = one_line(" ".join(lines[first - 1 : last]))[:_MOST_SHOWN]
        return Stated(f"“{said}” ({pack.pack}, {reference.path}, lines {first} to {last})")
