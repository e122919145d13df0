"""sae-bench's other evaluations: what each needs, and which of that is not on this machine.

They are named `sae-bench:<name>`. Absorption runs here: it needs a language model with its
tokenizer, and nothing else (sae_bench_absorption.py). Each of the others needs models and data sets
of the Hugging Face hub, or a key, and is answered with exactly what is missing of that. The parts
were read from the source of sae-bench 0.6.0; sae-bench would download them while it runs, but here
only what is in the hub's cache counts. Light: looks at folders.
"""

from pathlib import Path
from typing import NamedTuple

from fumehood_tools.errors import BadRequest, PartMissing, UnknownName
from fumehood_tools.settings import Settings, load_keys

PREFIX = "sae-bench:"


class Part(NamedTuple):
    """One thing that an evaluation needs. kind: model, dataset, key or file."""

    kind: str
    name: str
    why: str

    def is_there(self, settings: Settings, cache: Path) -> bool:
        """Return whether it is on this machine."""
        if self.kind == "key":
            return self.name in load_keys(declared=settings.declared)
        if self.kind == "file":
            return Path(self.name).exists()
        folder = f"{self.kind}s--{self.name.replace('/', '--')}"
        return (cache / folder / "snapshots").is_dir()

    @property
    def command(self) -> str:
        """How to get it."""
        if self.kind == "key":
            return f"export {self.name}=…"
        if self.kind == "file":
            return f"ask its authors for {Path(self.name).name} (it is gated), put it at that path"
        kind = " --repo-type dataset" if self.kind == "dataset" else ""
        return f"hf download {self.name}{kind}"


RUN_HERE = ("absorption",)
_GEMMA = Part(
    "model",
    "google/gemma-2-2b",
    "gated; sae-bench knows this subject and pythia-160m-deduped here, and no other",
)
_PROFESSIONS = Part(
    "dataset", "LabHC/bias_in_bios", "its splits train and test: hard_text, profession, gender"
)
_REVIEWS = Part(
    "dataset",
    "canrager/amazon_reviews_mcauley_1and5",
    "its splits train and test: text, category, rating",
)
NEEDED: dict[str, tuple[Part, ...]] = {
    "absorption": (),
    "scr": (_PROFESSIONS, _REVIEWS),
    "tpp": (_PROFESSIONS, _REVIEWS),
    "ravel": (
        _GEMMA,
        Part("dataset", "adamkarvonen/ravel_prompts", "entities, attributes and prompts"),
    ),
    "unlearning": (
        Part(
            "model",
            "google/gemma-2-2b-it",
            "gated; sae-bench refuses subjects whose name does not contain 'it'",
        ),
        Part("dataset", "cais/wmdp", "the questions to unlearn"),
        Part("dataset", "cais/mmlu", "the questions to keep"),
        Part("dataset", "wikitext", "the text to keep"),
        Part(
            "file",
            "sae_bench/evals/unlearning/data/bio-forget-corpus.jsonl",
            "the text to unlearn",
        ),
    ),
    "autointerp": (
        Part("key", "OPENAI_API_KEY", "gpt-4o-mini explains and scores latents"),
        Part("dataset", "monology/pile-uncopyrighted", "the text that is explained"),
    ),
}


def refuse_sae_bench(name: str, settings: Settings) -> None:
    """Raise what stands in the way of one of sae-bench's evaluations; return for what runs here.

    Raises PartMissing with all parts that are not here, UnknownName, and BadRequest if everything
    is here.
    """
    if not name.startswith(PREFIX):
        return
    short = name.removeprefix(PREFIX)
    if short not in NEEDED:
        names = [f"{PREFIX}{one}" for one in NEEDED]
        raise UnknownName("evaluation of sae-bench", name, names, "Choose one of these.")
    if short in RUN_HERE:
        return
    from huggingface_hub.constants import HF_HUB_CACHE

    missing = [one for one in NEEDED[short] if not one.is_there(settings, Path(HF_HUB_CACHE))]
    if not missing:
        raise BadRequest(
            f"{name} has all of its models and data here, but this version of fumehood does not "
            f"run it. Run sae_bench.evals.{_MODULES.get(short, short)}.main on the weights of the "
            "record."
        )
    listed = "; ".join(f"the {one.kind} {one.name} ({one.why})" for one in missing)
    commands = " && ".join(one.command for one in missing)
    raise PartMissing(name, commands, f"it needs {listed}")


_MODULES = {"scr": "scr_and_tpp", "tpp": "scr_and_tpp"}
