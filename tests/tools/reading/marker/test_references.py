"""Splitting a bibliography into its entries."""

from fumehood_tools.reading.marker.references import references_of


def test_numbers_cut_entries_wherever_the_pieces_are_cut() -> None:
    pieces = [
        "[1] D. Fern. Many latents. Journal, 2023. [2] E. Lichen, in Proc. of the [5] Workshop,",
        "pages 1-9, 2024.",
        "[3] G. Alder. Top-k. arXiv:2401.01234, 2024.",
    ]
    got = references_of(pieces)
    assert [it.label for it in got] == ["[1]", "[2]", "[3]"]
    assert got[1].text == "E. Lichen, in Proc. of the [5] Workshop, pages 1-9, 2024."
    assert got[2].arxiv == "2401.01234" and got[2].year == 2024


def test_numbers_with_a_dot_cut_too_and_editions_and_years_do_not() -> None:
    pieces = ["1. A. Fern. Latents, 2. edition. 2023.", "2. B. Bark. Shrinkage. 2024. 5. Item."]
    got = references_of(pieces)
    assert [it.label for it in got] == ["[1]", "[2]"]
    assert got[0].text == "A. Fern. Latents, 2. edition. 2023."
    assert got[1].text.startswith("B. Bark") and got[1].year == 2024


def test_without_numbers_a_piece_is_an_entry_unless_it_goes_on() -> None:
    got = references_of(
        [
            "Fern, D. and Alder, G. Many sparse latents of one",
            "model. Journal of Small Circuits, 2023.",
            "Lichen, E. Shrinkage. 2024. https://doi.org/10.1234/abc.5",
        ]
    )
    assert [it.label for it in got] == ["Fern 2023", "Lichen 2024"]
    assert got[0].text.endswith("of one model. Journal of Small Circuits, 2023.")
    assert got[1].doi == "10.1234/abc.5" and got[1].url == "https://doi.org/10.1234/abc.5"


def test_a_year_is_no_part_of_a_number() -> None:
    [got] = references_of(["[1] A. Fern. Paths. arXiv:2011.01999, pp. 2020-2031, 2019a."])
    assert got.arxiv == "2011.01999" and got.year == 2019
    assert references_of(["[7] No year. Pages 1234."])[0].year is None
    assert references_of([" ", ""]) == []
