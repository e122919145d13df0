"""Listing variants."""

import pytest

from fumehood_tools.errors import BadRequest
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.sandbox.variants import VariantInfo, list_variants

BASELINES = {
    "standard",
    "gated",
    "topk",
    "batch_topk",
    "jumprelu",
    "matryoshka",
    "p_anneal",
    "untrained",
}


def test_all_baselines_are_there_with_a_summary_and_without_a_problem(sandbox: Sandbox) -> None:
    found = {variant.name: variant for variant in list_variants(sandbox, 100).variants}
    assert set(found) == BASELINES | {"example"}
    for variant in found.values():
        assert variant.is_baseline and variant.problem is None and len(variant.summary) > 20
    assert found["untrained"].summary.startswith("Control")


def test_an_edited_baseline_is_no_baseline_any_more(sandbox: Sandbox) -> None:
    path = sandbox.variant_path("topk")
    path.write_text(path.read_text(encoding="utf-8").replace("K = 32", "K = 64"), encoding="utf-8")
    copy = sandbox.variants / "renamed.py"
    copy.write_bytes(sandbox.variant_path("standard").read_bytes())
    found = {variant.name: variant for variant in list_variants(sandbox, 100).variants}
    assert not found["topk"].is_baseline
    assert not found["renamed"].is_baseline
    assert found["renamed"].sha256 == found["standard"].sha256


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"class CustomSAE(:\n", "line 1"),
        (b'"""Nothing."""\n', "no class CustomSAE"),
        (b"\x00\x01", "null bytes"),
        (b"\xff\xfe not utf-8", "line"),
        (
            '"""Größe."""\n'.encode("latin-1"),
            "line 1: the file is not UTF-8 text; save it",
        ),
        ('"""Size."""\n'.encode("utf-16"), "save it as UTF-8"),
        ('"""Size."""\n'.encode("utf-16-le"), "null bytes"),
    ],
)
def test_a_file_that_cannot_run_is_listed_with_its_problem(
    sandbox: Sandbox, content: bytes, said: str
) -> None:
    (sandbox.variants / "bad.py").write_bytes(content)
    found = {variant.name: variant for variant in list_variants(sandbox, 100).variants}
    assert said in (found["bad"].problem or "")
    assert found["topk"].problem is None


def test_a_byte_order_mark_is_no_problem(sandbox: Sandbox) -> None:
    text = sandbox.variant_path("topk").read_text(encoding="utf-8")
    (sandbox.variants / "marked.py").write_text(text, encoding="utf-8-sig")
    found = {variant.name: variant for variant in list_variants(sandbox, 100).variants}
    assert found["marked"].problem is None
    assert found["marked"].summary == found["topk"].summary


def test_a_file_whose_name_no_tool_could_take_says_so(sandbox: Sandbox) -> None:
    (sandbox.variants / "my idea.py").write_text("class CustomSAE: pass", encoding="utf-8")
    problems = {variant.name: variant.problem for variant in list_variants(sandbox, 100).variants}
    assert "rename" in (problems["my idea"] or "")


def test_pages_join_to_the_whole_list(sandbox: Sandbox) -> None:
    # "topk" must be listed before "topk-b", although "-" sorts before the "." of "topk.py".
    for name in ("topk-b", "topk0"):
        (sandbox.variants / f"{name}.py").write_text("class CustomSAE: pass", encoding="utf-8")
    everything = list_variants(sandbox, 100).variants
    joined: list[VariantInfo] = []
    cursor = None
    while True:
        page = list_variants(sandbox, 4, cursor)
        assert page.total == len(everything) and len(page.variants) <= 4
        joined += page.variants
        cursor = page.next_cursor
        if cursor is None:
            break
    names = [variant.name for variant in joined]
    assert joined == everything and names == sorted({*BASELINES, "example", "topk-b", "topk0"})
    with pytest.raises(BadRequest, match="next_cursor"):
        list_variants(sandbox, 4, "three")


def test_a_page_goes_on_where_the_last_one_ended_whatever_came_and_went(sandbox: Sandbox) -> None:
    first = list_variants(sandbox, 3)
    (sandbox.variants / f"{first.variants[2].name}.py").unlink()
    (sandbox.variants / "aaa.py").write_text("class CustomSAE: pass", encoding="utf-8")
    second = list_variants(sandbox, 3, first.next_cursor)
    names = sorted({*BASELINES, "example"})
    assert [variant.name for variant in second.variants] == names[3:6] and second.total == 9
