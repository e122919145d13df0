"""The paper that started this project is read without network and models, and checked by item."""

import re
from functools import cache
from pathlib import Path

import pytest

from fumehood_tools.reading.document import Document
from fumehood_tools.reading.outline import outline_of
from fumehood_tools.reading.pdf import read_pdf

ROOT = Path(__file__).resolve().parents[4]
PAPER = ROOT.parent / "shared" / "paper" / "paper.pdf"
pytestmark = pytest.mark.skipif(not PAPER.is_file(), reason="shared/paper/paper.pdf is not there")

HEADINGS = """
1 Introduction and Statement of the Problem
2 Methodology
2.1 Paper Search and Discovery
2.2 PDF Parsing
2.3 Codebase Discovery
2.4 RepoMix Codebase Processing
2.5 Project Guides
2.6 Sandbox Environments
2.7 RunPod Execution
2.8 AI Scientist
3 Results
4 Discussion and Conclusions
""".strip().splitlines()

VARIANTS = """
dynamic_k: uses learnable k for top-k feature selection
cross_latent_causality: penalizes cross-latent derivatives for independent features
synonym_factor_merging: merges offset features into core factors via clustering
register_balance: uses style embeddings and gating for style-robust features
mixed_granularity: applies group sparsity at multiple scales
task_weighted_jacobian: uses learnable task weights for feature selection
synonymic_overlap_minimizer: penalizes co-activated features with different decoders
self_conditioned: conditions activations on overall pattern for balanced usage
rare_concept_preservation: rewards usage of rare features
partitioned_gram_l1: enforces group-wise orthogonality via Gram matrix
orthogonal_feature: penalizes decoder Gram matrix off-diagonals for orthogonality
morpheme_driven: penalizes affix features without active stem features
mixed_precision_top_k: uses learnable precision levels for hierarchical selection
local_orthogonality_penalty: penalizes co-activated feature pairs for orthogonality
layered_shrinkage_switch: applies multi-stage sparsity with adaptive switches
hierarchy_promoting: penalizes active children with inactive parents
group_sparsity: uses learnable group sizes for group and feature sparsity
global_local_tension: splits features into global/local, penalizes global instability
feature_zoom_out: aligns parent decoder weights with sum of children
feature_recycling: penalizes high cosine similarity between decoder weights
entropy_sparsity: uses entropy penalties for local and global sparsity
dynamic_covariance: penalizes off-diagonal feature covariance
correlation_minimization: penalizes off-diagonal feature correlation
competitive_inhibition: applies group-wise competition to limit active features
""".strip().splitlines()

CAPTIONS = {
    "1": "SAEBench results for 24 different LLM-generated SAE variants. X axis shows L0 sparsity "
    "of latent SAE activations. Y axis shows reconstruction performance measured as explained "
    "variance (EV). See the SAEBench package for more details of these metrics.",
    "2": "SAEBench results for 24 different LLM-generated SAE variants. X axis shows L0 sparsity "
    "of latent SAE activations. Y axis shows the accuracy of sparse probes trained on latent SAE "
    "activations. See the SAEBench package for more details of these metrics.",
}

REFERENCES = [
    ("[1]", "The ai scientist: Towards fully automated open-ended scientific discovery", 2024),
    ("[2]", "Measuring ai ability to complete long tasks", 2025),
    ("[3]", "Llms for alignment research: a safety priority?", 2024),
    ("[4]", "Speeding up to keep up: exploring the use of ai in the research process", 2022),
    ("[5]", "Measuring automated kernel engineering", 2025),
    ("[6]", "Prospects for alignment automation: Interpretability case study", 2025),
    ("[7]", "Ai for ai safety", 2025),
]

LINKS = {
    "SAEBench": "https://github.com/adamkarvonen/SAEBench",
    "dictionary_learning": "https://github.com/saprmarks/dictionary_learning",
}


@cache
def _paper() -> Document:
    return read_pdf(PAPER, seconds=120)


def test_title_and_authors_are_those_of_the_first_page() -> None:
    assert _paper().title == "Automating Interpretability Research in Deep Learning Models"
    assert _paper().authors == ["Matthew Shinkle", "Yeonwoo Jang", "Jacques Thibodeau"]


def test_the_abstract_is_whole_and_nothing_else() -> None:
    assert _paper().abstract.startswith("As AIs become more capable, automating AI research")
    assert _paper().abstract.endswith(
        "other interpretability tasks as the underlying tools mature."
    )


def test_the_outline_is_that_of_the_paper() -> None:
    sections = [it for it in outline_of(_paper()).sections if it.number]
    assert [f"{it.number} {it.title}" for it in sections] == HEADINGS
    assert [it.level for it in sections] == [1 + line.split()[0].count(".") for line in HEADINGS]


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda line: line.partition(":")[0])
def test_a_variant_is_an_item_with_its_definition(variant: str) -> None:
    items = [block.text for block in _paper().blocks if block.kind == "list_item"]
    assert variant in items and len(items) == len(VARIANTS)


@pytest.mark.parametrize("number", CAPTIONS)
def test_a_figure_has_its_caption(number: str) -> None:
    captions = {block.number: block.text for block in _paper().blocks if block.kind == "figure"}
    assert captions[number] == CAPTIONS[number] and len(captions) == 2


@pytest.mark.parametrize(("label", "title", "year"), REFERENCES)
def test_a_reference_is_one_entry(label: str, title: str, year: int) -> None:
    entries = _paper().references
    assert [entry.label for entry in entries] == [f"[{n}]" for n in range(1, 8)]
    entry = next(entry for entry in entries if entry.label == label)
    assert title in entry.text and entry.year == year
    assert sum(other in entry.text for _, other, _ in REFERENCES) == 1


def test_the_reference_to_arxiv_is_named_by_its_id() -> None:
    assert _paper().references[0].arxiv == "2408.06292"


@pytest.mark.parametrize("words", LINKS)
def test_a_link_behind_words_is_found(words: str) -> None:
    links = {link.text: link.url for link in _paper().links if link.origin == "annotation"}
    assert links[words] == LINKS[words]


def test_no_page_number_and_no_broken_word_is_in_the_text() -> None:
    text = "\n".join(block.text for block in _paper().blocks)
    assert not re.search(r"^\d$|[a-z]- [a-z]|\xad|\ufb01|\ufffe|\x02", text, re.M)
