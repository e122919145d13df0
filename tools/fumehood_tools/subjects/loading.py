"""Load a language model with its tokenizer. Imports torch and transformers.

Takes 1 s for the embedded subject (15 s the first time, for the conversion) and minutes for a
download. Code that comes with a model is never run.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fumehood_tools.errors import BadRequest, PartMissing
from fumehood_tools.spec import SubjectSpec
from fumehood_tools.subjects import embedded
from fumehood_tools.subjects.catalogue import (
    ALIASES,
    SYNTHETIC,
    describe_subject,
    hub_command,
    local_folder,
)

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def model_source(subject: SubjectSpec, cache: Path) -> str:
    """Return the folder or hub id from which transformers loads this subject."""
    if subject.name == SYNTHETIC:
        raise BadRequest("The synthetic subject is not a language model: use SyntheticSubject().")
    if subject.name == embedded.NAME:
        return str(embedded.ensure_converted(cache))
    folder = local_folder(subject.name)
    return str(folder) if folder else ALIASES.get(subject.name, subject.name)


def load_tokenizer(subject: SubjectSpec, cache: Path) -> "PreTrainedTokenizerBase":
    """Return the tokenizer of a language model, without its weights.

    Raises the errors of describe_subject, and PartMissing if it is not available.
    """
    from transformers import AutoTokenizer

    describe_subject(subject, cache)
    source = model_source(subject, cache)
    try:
        found: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(source)
    except OSError as error:
        first = str(error).strip().splitlines()[0]
        missing = f"The tokenizer of {subject.name}"
        raise PartMissing(missing, hub_command(source), first) from error
    return found


def load_language_model(
    subject: SubjectSpec,
    cache: Path,
    dtype: Literal["float32", "bfloat16"] = "float32",
    device: str = "cpu",
) -> tuple["PreTrainedModel", "PreTrainedTokenizerBase"]:
    """Return (the whole model in eval mode, its tokenizer).

    Raises the errors of describe_subject, and PartMissing if the weights are not available.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    describe_subject(subject, cache)
    source = model_source(subject, cache)
    try:
        tokenizer = AutoTokenizer.from_pretrained(source)
        model: Any = AutoModelForCausalLM.from_pretrained(source, dtype=getattr(torch, dtype))
    except OSError as error:
        first = str(error).strip().splitlines()[0]
        raise PartMissing(f"The subject {subject.name}", hub_command(source), first) from error
    return model.to(device).eval(), tokenizer
