"""The subject of sae-bench's absorption evaluation: words to spell, and the activations of a block.

sae-bench takes every token of letters. Here it gets WORDS of them, drawn with a fixed seed, with at
least LEAST of each letter: a processor needs about 0.15 s per word. Probes and their activations
depend on the subject only, and are kept in the cache.

B = rows, D = d_model, T = positions.
"""

import contextlib
import functools
import os
import random
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from fumehood_tools.files import digest_of
from fumehood_tools.glass import remove_folder
from fumehood_tools.locking import exclusive
from fumehood_tools.scoring.subject import scoring_subject
from fumehood_tools.spec import SubjectSpec
from fumehood_tools.subjects import describe_subject, hook_name
from fumehood_tools.subjects.stubs import load_after_all

if TYPE_CHECKING:
    from torch import Tensor

WORDS, LEAST, SEED = 2000, 30, 0
_EXPERIMENTS = ("run_k_sparse_probing_experiment", "run_feature_absortion_experiment")


class SpellingSubject:
    """What sae-bench asks of a HookedTransformer here: a tokenizer, and activations of a block."""

    def __init__(self, spec: SubjectSpec, cache: Path) -> None:
        """Load the subject. Raises PartMissing."""
        self.spec, self.hook = spec, hook_name("resid_post", spec.layer)
        self._bridge = scoring_subject(spec, "resid_post", cache).model
        self.tokenizer = SomeWords(self._bridge.tokenizer)
        self.cfg = SimpleNamespace(
            model_name="subject", d_model=self._bridge.cfg.d_model, device="cpu"
        )
        identity = describe_subject(spec, cache).identity
        named = digest_of([identity, spec.layer, self.tokenizer.words, SEED, _bench_version()])
        self.probes = cache / "absorption" / named[:16]

    def to_tokens(self, text: str) -> "Tensor":
        """Return tokens [1, T] of a prompt."""
        found: Tensor = self._bridge.to_tokens(text)
        return found

    def run_with_cache(
        self, prompts: Sequence[str], names_filter: Sequence[str]
    ) -> tuple[None, Mapping[str, "Tensor"]]:
        """Return activations [B, T, D] of prompts of one length. The pass stops at the block."""
        import torch

        with torch.no_grad():
            _, kept = self._bridge.run_with_cache(
                list(prompts), names_filter=list(names_filter), stop_at_layer=self.spec.layer + 1
            )
        return None, {self.hook: kept[self.hook]}

    def make_probes(self) -> None:
        """Have sae-bench train its probes, unless they are in the cache.

        Costs a pass over every word: about 5 minutes of processor time for the embedded subject.
        """
        self.probes.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(self.probes.with_suffix(".lock")):
            if self.probes.is_dir():
                return
            part = Path(tempfile.mkdtemp(dir=self.probes.parent, prefix=f".{self.probes.name}-"))
            try:
                self._train_probes(part)
                os.replace(part, self.probes)
            finally:
                remove_folder(part)

    def _train_probes(self, folder: Path) -> None:
        import torch
        from sae_bench.evals.absorption import common
        from sae_bench.evals.absorption.eval_config import AbsorptionEvalConfig

        config = AbsorptionEvalConfig()
        random.seed(SEED)
        torch.manual_seed(SEED)
        with torch.enable_grad():
            common.load_or_train_probe(
                model=self,
                layer=self.spec.layer,
                probes_dir=folder,
                base_template=config.prompt_template,
                pos_idx=config.prompt_token_pos,
                device="cpu",
            )

    @contextlib.contextmanager
    def fed(self, main: Any, out: Path) -> Iterator[None]:
        """While it is entered, sae-bench's `main` loads this subject and writes into `out`.

        Otherwise it would look for the subject on the hub, and keep results in its own package.
        """
        import torch
        from threadpoolctl import threadpool_limits

        names = ("HookedTransformer", *_EXPERIMENTS)
        before = {name: getattr(main, name) for name in names}
        folders = {"experiment_dir": out / "experiment", "probes_dir": self.probes}
        main.HookedTransformer = SimpleNamespace(
            from_pretrained_no_processing=lambda *_, **__: self
        )
        probing, absorption = _EXPERIMENTS
        setattr(main, probing, functools.partial(before[probing], **folders))
        more = {"sparse_probing_experiment_dir": folders["experiment_dir"]}
        setattr(main, absorption, functools.partial(before[absorption], **folders, **more))
        random.seed(SEED)
        torch.manual_seed(SEED)
        try:
            # The 260 regressions on up to ten latents each are too small to be shared by threads.
            with (
                contextlib.chdir(out),
                torch.enable_grad(),
                threadpool_limits(limits=1, user_api="blas"),
            ):
                yield
        finally:
            for name, value in before.items():
                setattr(main, name, value)


class SomeWords:
    """A tokenizer that shows sae-bench a part of its vocabulary: WORDS tokens of letters."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        load_after_all("pandas")
        from sae_bench.evals.absorption.vocab import get_alpha_tokens

        every = sorted(set(get_alpha_tokens(tokenizer, replace_special_chars=False)))
        self.words = drawn(every, lambda token: tokenizer.convert_tokens_to_string([token]))
        self.vocab = {token: number for number, token in enumerate(self.words)}

    def __getattr__(self, name: str) -> Any:
        """Return the tokenizer's own attribute."""
        return getattr(self.__dict__["_tokenizer"], name)


def drawn(tokens: Sequence[str], spelled: Callable[[str], str]) -> list[str]:
    """Return WORDS of the tokens, and as many more as give each letter LEAST, in fixed order."""
    mixed = random.Random(SEED).sample(list(tokens), len(tokens))
    counts, chosen = dict[str, int](), []
    for number, token in enumerate(mixed):
        letter = spelled(token).strip()[:1].lower()
        if number < WORDS or counts.get(letter, 0) < LEAST:
            counts[letter] = counts.get(letter, 0) + 1
            chosen.append(token)
    return chosen


def _bench_version() -> str:
    from importlib.metadata import version

    return version("sae-bench")
