"""A reference says what its receipts say, or is refused with the reason."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from fumehood_tools.bench.collect import settings_of
from fumehood_tools.bench.shelf import Shelf
from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.packing.packer import Tools, pack_checkout
from fumehood_tools.packing.request import PackRequest
from fumehood_tools.packing.secret_scan import SecretScan
from fumehood_tools.packing.tokens import installed_tokenizer
from fumehood_tools.repositories import open_checkout
from fumehood_tools.studies.background import checked_background
from fumehood_tools.studies.prose import Names, faults_of
from fumehood_tools.studies.references.resolving import Resolver
from fumehood_tools.studies.references.seeds import Unsound

MEAN = "mean:box/sharper#explained_variance"
NAMES = Names(["topk_2", "pythia-70m", "topk(K=64)"], {1: "study", 3: "plan", 5: "conclusion"})


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("score:box/sharper/1#explained_variance", "0.73100 (seed 1 of 3)"),
        (MEAN, "0.7310 (mean of 3 seeds)"),
        ("sd:box/sharper#explained_variance", "0.0010 (s.d. over 3 seeds)"),
        ("conclusion:5/sharper#effect", "+0.0300"),
        ("conclusion:5/sharper#interval", "[+0.0250, +0.0350]"),
        ("conclusion:5/sharper#p_adjusted", "0.004"),
        ("conclusion:5/sharper#verdict", "supported (sharper, plan 3)"),
        ("conclusion:6/sharper#effect", "+0.0500 (EXPLORATORY)"),
        ("conclusion:6/sharper#verdict", "supported (sharper, plan 3, EXPLORATORY)"),
        ("conclusion:5#tries", "2"),
        ("plan:3#smallest_effect", "0.01"),
        ("plan:3#seeds", "3 seeds"),
        ("holdout:7/sharper#verdict", "supported (sharper, plan 3)"),
        ("study#saes", "3 SAEs"),
        ("study#spent", "6.5 minutes"),  # 4.5 for the plan, 2 for the holdout
        ("study#minutes", "6.5"),
        ("entry:6", "entry 6 (conclusion, EXPLORATORY)"),
    ],
)
def test_a_reference_says_what_its_receipt_says(seen: Any, reference: str, said: str) -> None:
    found = seen.resolver().resolve(reference)
    assert found.stated.shown == said
    assert found.receipts


def test_a_single_seed_cannot_be_shown_without_the_number_of_all_seeds(lab: Any) -> None:
    run = lab.scores_of("sharper")[2].rpartition("/")[2]
    said = lab.resolver().resolve(f"score:box/sharper/{run}#explained_variance").stated
    assert said.shown == "0.73200 (seed 2 of 3)"


@pytest.mark.parametrize(
    ("reference", "hint"),
    [
        ("mean:box/sharpr#l0", "Did you mean 'sharper'?"),
        ("mean:bxo/sharper#l0", "Did you mean 'box'?"),
        ("mean:box/sharper#explained_varianc", "Did you mean 'explained_variance'?"),
        ("score:box/sharper/7#l0", "Known: 0, 1, 2"),
        ("conclusion:3/sharper#effect", "Known: 5, 6"),
        ("conclusion:5/sharp#effect", "Did you mean 'sharper'?"),
        ("conclusion:5/sharper#efect", "Did you mean 'effect'?"),
        ("plan:99#seeds", "Known: 3"),
        ("entry:99", "No entry '99'"),
        ("mean:box/sharper#loss_recovered", "was not measured"),
        ("mean:box/sharper", "mean:SANDBOX/LABEL#METRIC"),
        ("the best one", "is not a reference"),
    ],
)
def test_what_cannot_be_resolved_is_refused_with_the_closest_names(
    seen: Any, reference: str, hint: str
) -> None:
    with pytest.raises((UnknownName, BadRequest), match=".*") as refused:
        seen.resolver().resolve(reference)
    assert hint in str(refused.value)


def test_a_failed_and_a_withdrawn_seed_are_counted(lab: Any) -> None:
    lab.failure("sharper", 3)
    assert "mean of 3 seeds, 1 failed" in lab.resolver().resolve(MEAN).stated.shown
    lab.withdraw(lab.scores_of("sharper")[0])
    assert "mean of 2 seeds, 2 failed" in lab.resolver().resolve(MEAN).stated.shown


def edited(lab: Any, place: str) -> None:
    lab.edit(place, lambda record: record["metrics"].update(explained_variance=0.99))


def deleted(lab: Any, place: str) -> None:
    shutil.rmtree(lab.workspace / place)


def swapped(lab: Any, place: str) -> None:
    """Put a copy of another seed's record there."""
    other = lab.scores_of("sharper")[1]
    shutil.rmtree(lab.workspace / place)
    shutil.copytree(lab.workspace / other, lab.workspace / place)


def put_back(lab: Any, place: str) -> None:
    """Replace the record by a newer one, and then put the older one back."""
    kept = lab.workspace.parent / "kept"
    shutil.copytree(lab.workspace / place, kept)
    lab.score("sharper", 0, 0.5)
    shutil.rmtree(lab.workspace / place)
    shutil.copytree(kept, lab.workspace / place)


def other_weights(lab: Any, place: str) -> None:
    """Change the weights without changing their size."""
    file = lab.workspace / place / "sae.safetensors"
    file.write_bytes(file.read_bytes()[::-1])


@pytest.mark.parametrize("tampering", [edited, deleted, swapped, put_back, other_weights])
def test_a_changed_record_refuses_every_number_of_its_label(lab: Any, tampering: Any) -> None:
    place = lab.scores_of("sharper")[0]
    tampering(lab, place)
    with pytest.raises(Unsound, match="seed0"):
        lab.resolver().resolve(MEAN)
    with pytest.raises(Unsound):
        lab.resolver().resolve("score:box/sharper/1#l0")
    assert lab.resolver().resolve("mean:box/topk#l0").stated.numbers[0] == 32.0


def test_an_edited_entry_is_not_cited(lab: Any) -> None:
    entry = lab.resolver().study.entries[4]
    lab.edit(entry.place, lambda record: record["claims"][0].update(effect=0.5))
    with pytest.raises(Unsound, match="0005-conclusion"):
        lab.resolver().resolve("conclusion:5/sharper#effect")


def test_a_conclusion_whose_plan_came_after_the_scores_is_not_cited_as_registered(
    lab: Any,
) -> None:
    late = lab.enter(lab.plan()).number
    places = lab.scores_of("sharper")
    entry = lab.enter(lab.conclusion(late, [lab.claim(places)])).number
    with pytest.raises(Unsound, match="before the plan"):
        lab.resolver().resolve(f"conclusion:{entry}/sharper#verdict")


def test_words_of_a_paper_are_quoted_only_if_they_are_there(lab: Any) -> None:
    lab.read_paper()
    resolver: Resolver = lab.resolver()
    _, document = lab.sources().paper("arxiv:2407.14435")
    words = " ".join(document.abstract.split()[:8])
    said = resolver.resolve(f'quote:arxiv:2407.14435 "{words}"').stated
    assert words in said.shown and "arxiv:2407.14435" in said.shown
    with pytest.raises(BadRequest, match="are not in"):
        resolver.resolve('quote:arxiv:2407.14435 "our method beats every other one by far"')
    with pytest.raises(UnknownName):
        resolver.resolve('quote:arxiv:2501.00001 "our method beats every other one"')


def test_quotes_in_the_background_of_a_study_say_what_the_paper_says(lab: Any) -> None:
    lab.read_paper()
    sources = lab.sources()
    words = " ".join(sources.paper("arxiv:2407.14435")[1].abstract.split()[:8])
    quote = f'quote:arxiv:2407.14435 "{words}"'
    whole, within, own = checked_background([quote, f"So {{{{{quote}}}}}.", "my own"], sources)
    assert whole.startswith(quote) and f"“{words}” (arxiv:2407.14435" in whole
    assert within.startswith(f"So “{words}”") and own == "my own"
    with pytest.raises(BadRequest, match=r"not opened, .*\nbackground 1: The words “our method"):
        checked_background(['quote:arxiv:2407.14435 "our method beats every other"'], sources)


def test_lines_of_a_packed_file_are_quoted_as_they_are(lab: Any, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "sae.py").write_text("import torch\n\nK = 32\nKNOB = 'K'\n", "utf-8")
    checkout = open_checkout(str(tmp_path / "mine"), settings=lab.settings)
    tools = Tools(SecretScan(), installed_tokenizer(), None)
    request = PackRequest(source="mine")
    pack = pack_checkout(checkout._replace(address="mine"), request, lab.workspace, tools).pack
    said = lab.resolver().resolve(f"pack:{pack}/sae.py#3-4").stated.shown
    assert said == f"“K = 32 KNOB = 'K'” ({pack}, sae.py, lines 3 to 4)"
    with pytest.raises(BadRequest, match="has 4 lines"):
        lab.resolver().resolve(f"pack:{pack}/sae.py#3-9")
    with pytest.raises(UnknownName, match=r"Did you mean 'sae.py'"):
        lab.resolver().resolve(f"pack:{pack}/sea.py#1")


def test_another_setting_is_cited_by_its_name(lab: Any) -> None:
    shelf, results = Shelf(lab.settings.state), lab.sandbox().results
    [first] = settings_of(shelf.collect(results))
    lab.score("topk", 0, 0.5, tokens=2_000)
    # Scores of the same second can be in either order, and the first setting needs no name.
    usual, other = settings_of(shelf.collect(results))
    mean = "mean:box/topk{}#explained_variance"
    shown = ["0.7010 (mean of 3 seeds)", "0.5000 (1 seed)"]
    if usual != first:
        shown.reverse()
    assert lab.resolver().resolve(mean.format("")).stated.shown == shown[0]
    named = lab.resolver().resolve(mean.format(f"@{other.name}")).stated
    assert named.shown == shown[1]
    with pytest.raises(UnknownName, match=other.name):
        lab.resolver().resolve(mean.format("@00000000"))


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("EV rose by 0.03.", ["0.03"]),
        ("It won by twenty percent, or half.", ["twenty percent", "half"]),
        ("topk_2 at L0 on pythia-70m; see entry 3 and plan 3.", []),
        ("See plan 5 and entry 4.", ["5", "4"]),
        ("Gao et al. (2024); (Rajamanoharan et al., 2024), section 3.2, arxiv:2407.14435.", []),
        ("1. first\n2. second", []),
        ("two variants, one baseline, five seeds", ["five"]),
        ("½ x² 三 &#48;.9", ["½", "x²", "三", "&#48", "&#48;.9"]),
        ("topk(K=64) is {{mean:box/topk#l0}} high {{", ["{{"]),
        ("It is supported and significant.", ["supported", "significant"]),
        ("Section 0.73 and Gain-30, 2024", ["0.73", "Gain-30", "2024"]),
    ],
)
def test_typed_numbers_and_verdicts_are_found_in_prose(text: str, refused: list[str]) -> None:
    assert {fault.said for fault in faults_of(text, NAMES)} == set(refused)


def test_a_fault_is_named_with_its_place() -> None:
    [fault] = faults_of("A line.\nIt rose by 0.03.", NAMES)
    assert fault.text("results").startswith("results, line 2, column 12: '0.03'")
