"""Pages that inherit their size from the page tree get it written into the page."""

from pathlib import Path

import pypdfium2

from fumehood_tools.reading.marker.sizes import with_own_sizes


def test_a_page_that_inherits_its_size_states_it_in_a_copy(own_pdf: Path, tmp_path: Path) -> None:
    before = own_pdf.read_bytes()
    folder = tmp_path / "copy"
    folder.mkdir()
    with pypdfium2.PdfDocument(own_pdf) as pdf:
        assert pdf[0].get_mediabox(fallback_ok=False) is None
        copy = with_own_sizes(pdf, own_pdf, folder)
    with pypdfium2.PdfDocument(copy) as pdf:
        assert pdf[0].get_mediabox(fallback_ok=False) == (0, 0, 595, 842)
        assert with_own_sizes(pdf, copy, tmp_path / "nowhere") == copy
    assert own_pdf.read_bytes() == before
