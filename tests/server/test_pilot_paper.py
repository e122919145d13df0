"""The paper that fumehood carries out, read from its PDF: no network, no models, item by item."""

from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from fumehood.app import build_server
from fumehood_tools.settings import Settings

pytestmark = pytest.mark.anyio
PDF = Path(__file__).resolve().parents[3] / "shared" / "paper" / "paper.pdf"

HEADINGS = [
    "1 Introduction and Statement of the Problem",
    "2 Methodology",
    "2.1 Paper Search and Discovery",
    "2.2 PDF Parsing",
    "2.3 Codebase Discovery",
    "2.4 RepoMix Codebase Processing",
    "2.5 Project Guides",
    "2.6 Sandbox Environments",
    "2.7 RunPod Execution",
    "2.8 AI Scientist",
    "3 Results",
    "4 Discussion and Conclusions",
    "References",
]
VARIANTS = {
    "dynamic_k": "uses learnable k for top-k feature selection",
    "cross_latent_causality": "penalizes cross-latent derivatives for independent features",
    "synonym_factor_merging": "merges offset features into core factors via clustering",
    "register_balance": "uses style embeddings and gating for style-robust features",
    "mixed_granularity": "applies group sparsity at multiple scales",
    "task_weighted_jacobian": "uses learnable task weights for feature selection",
    "synonymic_overlap_minimizer": "penalizes co-activated features with different decoders",
    "self_conditioned": "conditions activations on overall pattern for balanced usage",
    "rare_concept_preservation": "rewards usage of rare features",
    "partitioned_gram_l1": "enforces group-wise orthogonality via Gram matrix",
    "orthogonal_feature": "penalizes decoder Gram matrix off-diagonals for orthogonality",
    "morpheme_driven": "penalizes affix features without active stem features",
    "mixed_precision_top_k": "uses learnable precision levels for hierarchical selection",
    "local_orthogonality_penalty": "penalizes co-activated feature pairs for orthogonality",
    "layered_shrinkage_switch": "applies multi-stage sparsity with adaptive switches",
    "hierarchy_promoting": "penalizes active children with inactive parents",
    "group_sparsity": "uses learnable group sizes for group and feature sparsity",
    "global_local_tension": "splits features into global/local, penalizes global instability",
    "feature_zoom_out": "aligns parent decoder weights with sum of children",
    "feature_recycling": "penalizes high cosine similarity between decoder weights",
    "entropy_sparsity": "uses entropy penalties for local and global sparsity",
    "dynamic_covariance": "penalizes off-diagonal feature covariance",
    "correlation_minimization": "penalizes off-diagonal feature correlation",
    "competitive_inhibition": "applies group-wise competition to limit active features",
}
CAPTIONS = {
    "f1": "measured as explained variance (EV). See the SAEBench package for more details",
    "f2": "shows the accuracy of sparse probes trained on latent SAE activations.",
}
REFERENCES = {
    "[1]": "The ai scientist: Towards fully automated open-ended scientific discovery",
    "[2]": "Measuring ai ability to complete long tasks",
    "[3]": "Llms for alignment research: a safety priority?",
    "[4]": "Speeding up to keep up: exploring the use of ai in the research process",
    "[5]": "Measuring automated kernel engineering",
    "[6]": "Prospects for alignment automation: Interpretability case study",
    "[7]": "Ai for ai safety",
}
LINKS = {
    "SAEBench": "https://github.com/adamkarvonen/SAEBench",
    "dictionary_learning": "https://github.com/saprmarks/dictionary_learning",
}


@pytest.fixture
async def paper(settings: Settings) -> dict[str, Any]:
    """Return every part of the paper, on all its pages."""
    if not PDF.is_file():
        pytest.skip("the paper is not beside this checkout (../shared/paper/paper.pdf)")
    offline = settings.model_copy(update={"offline": True})
    parts: dict[str, Any] = {}
    async with Client(build_server(offline)) as client:
        for part in ("outline", "text", "figures", "references", "links", "hidden"):
            items, cursor = [], None
            while True:
                arguments = {"paper": str(PDF), "part": part, "source": "pdftext", "cursor": cursor}
                page = (await client.call_tool("read_paper", arguments)).structured_content
                assert page is not None
                if page["job_id"]:
                    continue
                items += page["items"]
                cursor = page["next_cursor"]
                if cursor is None:
                    break
            parts[part] = items
            parts.setdefault("front", page)
    return parts


async def test_every_item_of_the_pilot_paper_is_read_without_network_or_models(
    paper: dict[str, Any],
) -> None:
    front = paper["front"]
    assert front["title"] == "Automating Interpretability Research in Deep Learning Models"
    assert front["authors"] == ["Matthew Shinkle", "Yeonwoo Jang", "Jacques Thibodeau"]
    assert front["pages"] == 7
    headings = [it["text"].rpartition(" (")[0] for it in paper["outline"] if it["id"] != "s0"]
    assert headings == HEADINGS
    text = "\n".join(it["text"] for it in paper["text"])
    for name, definition in VARIANTS.items():
        assert f"{name}: {definition}" in text, name
    captions = {it["id"]: it["text"] for it in paper["figures"]}
    assert set(captions) == set(CAPTIONS)
    for name, words in CAPTIONS.items():
        assert words in captions[name], name
    references = {it["id"]: it["text"] for it in paper["references"]}
    assert set(references) == set(REFERENCES)
    for label, title in REFERENCES.items():
        assert title in references[label], label
    links = {it["text"]: it["url"] for it in paper["links"]}
    for words, url in LINKS.items():
        assert links[words] == url, words
    assert paper["hidden"] == []
