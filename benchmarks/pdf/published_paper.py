"""Read the paper that started this project, and check the result item by item against the print.

usage: python benchmarks/pdf/published_paper.py PAPER.pdf

The paper is "Automating Interpretability Research in Deep Learning Models" (Shinkle, Jang,
Thibodeau 2025). Its PDF is not ours to pass on, so this is not a test: save it yourself. Neither
network nor models are used. Prints one line per check, then "N of N right"; exits with 1 otherwise.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from fumehood_tools.reading.document import Document
from fumehood_tools.reading.outline import outline_of
from fumehood_tools.reading.pdf import read_pdf

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


def front(paper: Document) -> Iterator[tuple[str, bool]]:
    """Check the title, the authors, the abstract and the outline."""
    yield "title", paper.title == "Automating Interpretability Research in Deep Learning Models"
    authors = ["Matthew Shinkle", "Yeonwoo Jang", "Jacques Thibodeau"]
    yield "authors", paper.authors == authors
    begins = paper.abstract.startswith("As AIs become more capable, automating AI research")
    ends = paper.abstract.endswith("other interpretability tasks as the underlying tools mature.")
    yield "abstract", begins and ends
    sections = [it for it in outline_of(paper).sections if it.number]
    yield "headings", [f"{it.number} {it.title}" for it in sections] == HEADINGS
    levels = [1 + line.split()[0].count(".") for line in HEADINGS]
    yield "levels of headings", [it.level for it in sections] == levels


def body(paper: Document) -> Iterator[tuple[str, bool]]:
    """Check the 24 variants, the captions, the links and the running text."""
    items = [block.text for block in paper.blocks if block.kind == "list_item"]
    yield "24 items", len(items) == len(VARIANTS) == 24
    for variant in VARIANTS:
        yield variant.partition(":")[0], variant in items
    captions = {block.number: block.text for block in paper.blocks if block.kind == "figure"}
    yield "2 figures", len(captions) == 2
    for number, caption in CAPTIONS.items():
        yield f"caption of figure {number}", captions.get(number) == caption
    links = {link.text: link.url for link in paper.links if link.origin == "annotation"}
    for words, url in LINKS.items():
        yield f"link of {words}", links.get(words) == url
    text = "\n".join(block.text for block in paper.blocks)
    broken = re.search(r"^\d$|[a-z]- [a-z]|\xad|\ufb01|\ufffe|\x02", text, re.M)
    yield "no page number and no broken word", broken is None


def references(paper: Document) -> Iterator[tuple[str, bool]]:
    """Check that every reference is one entry with its title and year."""
    entries = {entry.label: entry for entry in paper.references}
    yield "7 references", list(entries) == [f"[{n}]" for n in range(1, 8)]
    for label, title, year in REFERENCES:
        entry = entries.get(label)
        alone = entry and sum(other in entry.text for _, other, _ in REFERENCES) == 1
        yield f"reference {label}", bool(alone and title in entry.text and entry.year == year)
    yield "arXiv identifier", paper.references[0].arxiv == "2408.06292"


def main() -> int:
    """Print every check; return 0 when all hold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("paper", type=Path)
    paper = read_pdf(parser.parse_args().paper, seconds=120)
    checks = [*front(paper), *body(paper), *references(paper)]
    for name, holds in checks:
        print(f"{'right' if holds else 'WRONG'}  {name}")
    right = sum(holds for _, holds in checks)
    print(f"{right} of {len(checks)} right")
    return int(right < len(checks))


if __name__ == "__main__":
    sys.exit(main())
