"""The SAE of a hunt: its encoder behind the glass, its decoder as the evaluator reads it.

Each question is answered by a fresh child, so nothing that an encoder saw before can matter. N =
rows, F = dictionary size, D = d_model, V = vocabulary.
"""

import functools
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
import torch

from fumehood_tools.errors import BadRequest
from fumehood_tools.files import write_bytes
from fumehood_tools.glass import ChildLimits, Nursery, compiled_kernels
from fumehood_tools.harvest.records import TRAIN_TOKENS
from fumehood_tools.hunts.detecting import LEAST_POSITIVES, auroc_of_latents
from fumehood_tools.hunts.messages import (
    ActiveLatent,
    ActiveLatents,
    AskLatent,
    AskText,
    ChooseConcepts,
    Chosen,
    Context,
    HuntSetup,
    LatentFacts,
)
from fumehood_tools.hunts.records import REPEATS, Concept
from fumehood_tools.hunts.subject import Held, open_subject
from fumehood_tools.plain_files import read_plain
from fumehood_tools.receipts import WEIGHTS_FILE
from fumehood_tools.sandbox.constants import judge_source
from fumehood_tools.sandbox.declarations import read_declarations
from fumehood_tools.scoring.decoders import LinearDecoder, read_decoder
from fumehood_tools.scoring.inertness import training_rows
from fumehood_tools.scoring.latents import Latents, pack
from fumehood_tools.scoring.reconstruction_run import EvaluationRows, fresh_folder
from fumehood_tools.scoring.role_child import Given
from fumehood_tools.scoring.role_children import RoleChildren
from fumehood_tools.scoring.sizes import latent_sizes
from fumehood_tools.scoring.threads import one_thread
from fumehood_tools.scoring.weights import plain_size, take_weights
from fumehood_tools.subjects.catalogue import SYNTHETIC

if TYPE_CHECKING:
    from torch import Tensor

SHOWN_LATENTS, SHOWN_CONTEXTS, SHOWN_TOKENS = 16, 6, 8
ANSWER_SECONDS = 300
FINDABLE = 0.85
_SIZE_ROWS = 2048
_LOOKED_AT, _LEAST_CHOOSING = 8192, 2000
_AROUND = 8


class HeldBack(NamedTuple):
    """Held-back rows with their activations and latents, without position 0."""

    rows: Held
    x_ND: "Tensor"
    f: Latents


class HuntBench:
    """Answers questions about one SAE. Use as a context manager: on exit it ends the children."""

    def __init__(self, setup: HuntSetup) -> None:
        """Check the files of the record, and load the subject.

        Raises BadRequest if the weights are not those that were scored, IntegrityFailed.
        """
        self.setup, self.scale = setup, setup.activations.scale
        self._held: tuple[int, HeldBack] | None = None
        # The synthetic subject's operations are too small to be shared by threads.
        self.threads = 1 if setup.spec.subject.name == SYNTHETIC else torch.get_num_threads()
        self.folder = fresh_folder(setup.scratch, "hunt")
        self.nursery = Nursery(
            self.folder,
            level=setup.glass,
            threads=self.threads,
            kernels=compiled_kernels(setup.cache),
        )
        try:
            self._take_files()
            self.subject = open_subject(setup.spec, setup.cache)
        except BaseException:
            self.nursery.close()
            raise

    def _take_files(self) -> None:
        setup, spec, width = self.setup, self.setup.spec, self.setup.activations.d_model
        source = read_plain(setup.record / f"{setup.variant}.py")
        judge_source(source, spec.limits)
        given = self.folder / "given"
        self.given = Given(
            given / f"{setup.variant}.py",
            given / WEIGHTS_FILE,
            width,
            spec.dict_size,
            setup.activations.dtype,
        )
        write_bytes(self.given.variant, source)
        most = spec.limits.parameter_ratio
        kept = setup.record / WEIGHTS_FILE
        skip = read_declarations(source).skip
        plain = plain_size(spec.kind, width, spec.dict_size, skip=skip)
        self.weights = take_weights(kept, self.given.weights, plain, most)
        if self.weights.sha256 != setup.weights_sha256:
            raise BadRequest(
                "The weights are not those that were scored. Restore them; `fumehood verify` names "
                "every file that was changed."
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.nursery.close()

    def at_work(self) -> AbstractContextManager[None]:
        """Return the context in which questions are answered: with one thread if that is faster."""
        return one_thread() if self.threads == 1 else nullcontext()

    @contextmanager
    def _children(self) -> Iterator[RoleChildren]:
        limits = self.setup.spec.limits
        allowed = ChildLimits(
            wall_seconds=ANSWER_SECONDS,
            memory_gb=limits.memory_gb,
            scratch_gb=limits.scratch_gb,
            threads=self.threads,
        )
        scratch = fresh_folder(self.folder, "child")
        with RoleChildren(self.nursery, self.given, scratch, allowed) as children:
            yield children

    def encode(self, x_ND: "Tensor") -> Latents:
        """Return the latents of raw activations, from a fresh child."""
        with self._children() as children:
            half = children.fresh("encode")
            return pack(torch.cat(list(half.all(x_ND.float() / self.scale))))

    @functools.cached_property
    def decoder(self) -> LinearDecoder:
        """The decoder, as the evaluator reads it; of a nonlinear one, its part for one latent."""
        with self._children() as children:
            x_ND = training_rows(self.setup.activations, _SIZE_ROWS)
            size_F = latent_sizes(children.fresh("encode"), x_ND)
            return read_decoder(children.fresh("decode"), size_F, self.weights.state)

    def directions(self) -> "Tensor":
        """Return the decoder's directions with unit norm, [F, D]; zero for latents without one."""
        W_FD = self.decoder.W_FD
        return torch.nn.functional.normalize(W_FD, dim=1)

    def held_back(self, seed: int) -> HeldBack:
        """Return the held-back rows of a secret; those of the last one are kept."""
        if self._held is None or self._held[0] != seed:
            rows = self.subject.held_back(seed)
            x_ND = self.subject.read(rows.detect_BT)[:, 1:].flatten(0, 1)
            self._held = seed, HeldBack(rows, x_ND, self.encode(x_ND).sparse())
        return self._held[1]

    def choose(self, asked: ChooseConcepts) -> Chosen:
        """Return the concepts of a hunt: of more candidates, the first that some latent detects.

        A latent detects a concept if its AUROC on the evaluation split is FINDABLE: neither are the
        SAE's weights fitted on these texts, nor is a hunt scored on them. If too few are
        detected, those that are detected best follow.
        """
        words = list(asked.words)
        if len(words) > REPEATS:
            # So common that held-back texts will have three times as many as scoring needs.
            f, _ = self._choosing
            least = 3 * LEAST_POSITIVES * f.rows / min(f.rows, self.subject.held)
            best = {word: self._detected(word, least) for word in words}
            rest = sorted(words, key=lambda word: -best[word])
            words = [*(word for word in words if best[word] >= FINDABLE), *rest]
            words = list(dict.fromkeys(words))[:REPEATS]
        elif rare := [word for word in words if not self._detected(word)]:
            raise BadRequest(f"{rare[0]} is too rare in these texts to be measured. Omit words.")
        told = [Concept(word=word, told=self.subject.told(word)) for word in words]
        return Chosen(concepts=told)

    def _detected(self, word: str, least: float = 3 * LEAST_POSITIVES) -> float:
        """Return the best AUROC of a latent for a concept; 0: too rare. Few rows: all are tried."""
        f, tokens_BT = self._choosing
        is_there_N = self.subject.labels(word, tokens_BT)[:, 1:].flatten().numpy()
        if not least <= is_there_N.sum() <= len(is_there_N) // 2:
            return 0.0
        return float(auroc_of_latents(f, is_there_N).max())

    @functools.cached_property
    def _choosing(self) -> "tuple[Latents, Tensor]":
        """Latents and tokens_BT of the texts by which concepts are chosen.

        The training texts stand in for an evaluation split of less than _LEAST_CHOOSING tokens.
        """
        activations = self.setup.activations
        if activations.eval_tokens >= _LEAST_CHOOSING:
            split = EvaluationRows(activations)
            f = self.encode(split.read(np.arange(min(split.count, _LOOKED_AT)))).sparse()
            tokens_RT = np.load(activations.eval_tokens_file, mmap_mode="r")
        else:
            f = self._training_latents.sparse()
            tokens_RT = np.load(activations.folder / TRAIN_TOKENS, mmap_mode="r")
        rows, body = f.rows // (tokens_RT.shape[1] - 1), tokens_RT.shape[1] - 1
        tokens_BT = torch.from_numpy(np.asarray(tokens_RT[:rows], dtype=np.int64))
        return f.part(0, rows * body), tokens_BT

    def on_text(self, asked: AskText) -> ActiveLatents:
        """Return the most active latents on a text. Raises BadRequest."""
        tokens = asked.tokens if asked.text is None else self.subject.tokens_of(asked.text)
        row_BT = self.subject.row(tokens or ())
        words = self.subject.shown(row_BT[0, 1:].tolist())
        f_NF = self.encode(self.subject.read(row_BT)[0, 1:]).to_dense().float()
        most_F, where_F = f_NF.max(0)
        share_F = (f_NF > 0).float().mean(0)
        found = []
        for latent in most_F.argsort(descending=True)[:SHOWN_LATENTS].tolist():
            if most_F[latent] > 0:
                place = int(where_F[latent])
                found.append(
                    ActiveLatent(
                        latent=latent,
                        value=round(float(most_F[latent]), 4),
                        position=place,
                        token=words[place],
                        share=round(float(share_F[latent]), 4),
                    )
                )
        return ActiveLatents(tokens=len(words), latents=found)

    def on_latent(self, asked: AskLatent) -> LatentFacts:
        """Return contexts of a latent in the training texts, and what it writes."""
        if not 0 <= asked.latent < self.given.dict_size:
            raise BadRequest(f"Latents go from 0 to {self.given.dict_size - 1}.")
        f = self._training_latents.sparse()
        here_A = f.index_A == asked.latent
        row_A, value_A = f.row_A()[here_A], f.value_A[here_A].float()
        written_V = self.subject.written(self.directions()[asked.latent])
        order_V = written_V.argsort(descending=True)
        return LatentFacts(
            latent=asked.latent,
            share=round(len(row_A) / f.rows, 5),
            tokens=f.rows,
            contexts=self._contexts(row_A, value_A),
            raises=self.subject.shown(order_V[:SHOWN_TOKENS].tolist()),
            lowers=self.subject.shown(order_V[-SHOWN_TOKENS:].flip(0).tolist()),
        )

    @functools.cached_property
    def _training_latents(self) -> Latents:
        """The latents of the first training rows."""
        shard = np.load(self.setup.activations.train_shards[0], mmap_mode="r", allow_pickle=False)
        return self.encode(torch.from_numpy(np.asarray(shard[:_LOOKED_AT], dtype=np.float32)))

    def _contexts(self, row_A: "Tensor", value_A: "Tensor") -> list[Context]:
        """Return the strongest contexts, at most one per row of tokens."""
        tokens_RT = np.load(self.setup.activations.folder / TRAIN_TOKENS, mmap_mode="r")
        body, found = tokens_RT.shape[1] - 1, dict[int, Context]()
        for at in value_A.argsort(descending=True).tolist():
            row, place = divmod(int(row_A[at]), body)
            if row in found:
                continue
            words = self.subject.shown(tokens_RT[row, 1:].tolist())
            before = words[max(0, place - _AROUND) : place]
            after = words[place + 1 : place + 1 + _AROUND]
            joint = " " if words[place].isdigit() else ""
            text = joint.join([*before, f"⟪{words[place]}⟫", *after])
            found[row] = Context(value=round(float(value_A[at]), 4), text=" ".join(text.split()))
            if len(found) == SHOWN_CONTEXTS:
                break
        return list(found.values())
