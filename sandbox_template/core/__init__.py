"""The base classes of a sandbox. A variant needs `from core import BaseSAE, BaseTrainer`.

In a sandbox of transcoders that is `from core import BaseTranscoder, BaseTranscoderTrainer`.

    base.py       BaseSAE, what CustomSAE starts from
    trainer.py    BaseTrainer, what CustomTrainer starts from
    baselines.py  helpers for variants that stand on dictionary_learning's own trainers
    kernels/      sparse latents: encode, decode and gradients that cost what is active
    sparse_trainers.py  the TopK trainers on active latents only
    active_trainers.py  JumpReLU and gated, on active latents where few are
    topk.py       BaseTopK and BaseTopKTrainer, what a variant of TopK starts from
    transcoder.py  BaseTranscoder and its relatives, what CustomTranscoder starts from
    transcoder_trainers.py  BaseTranscoderTrainer and its relatives
    forms.py      what SAEs and transcoders are called
    loading.py    how a file becomes an SAE and a trainer
    batches.py    how activations become batches
    train.py      one training, start to end
    check.py      what check_variant tries
    library.py    dictionary_learning, typed     run.py, errors.py, stubs.py

This copy is for reading: runs use the packaged one.
"""

from core.active_trainers import SparseGated, SparseJumpRelu
from core.base import BaseSAE
from core.baselines import FollowsThreshold, keywords_for, threshold_keywords
from core.errors import VariantError
from core.kernels import (
    Latents,
    batch_topk_encode,
    latent_major,
    rectified,
    sparse_decode,
    threshold_encode,
    topk_encode,
)
from core.library import geometric_median
from core.loading import build_sae, build_trainer, load_variant
from core.run import TrainingRun
from core.sparse_trainers import SparseBatchTopK, SparseMatryoshka, SparseTopK
from core.topk import BaseTopK, BaseTopKTrainer, keep_largest, off_diagonal, sample_fired
from core.trainer import BaseTrainer
from core.transcoder import (
    BaseTranscoder,
    BatchTopKTranscoder,
    JumpReluTranscoder,
    LinearSkip,
    SkipTopKTranscoder,
    TopKTranscoder,
)
from core.transcoder_trainers import (
    BaseTranscoderTrainer,
    BatchTopKTranscoderTrainer,
    JumpReluTranscoderTrainer,
    TopKTranscoderTrainer,
)

__all__ = [
    "BaseSAE",
    "BaseTopK",
    "BaseTopKTrainer",
    "BaseTrainer",
    "BaseTranscoder",
    "BaseTranscoderTrainer",
    "BatchTopKTranscoder",
    "BatchTopKTranscoderTrainer",
    "FollowsThreshold",
    "JumpReluTranscoder",
    "JumpReluTranscoderTrainer",
    "Latents",
    "LinearSkip",
    "SkipTopKTranscoder",
    "SparseBatchTopK",
    "SparseGated",
    "SparseJumpRelu",
    "SparseMatryoshka",
    "SparseTopK",
    "TopKTranscoder",
    "TopKTranscoderTrainer",
    "TrainingRun",
    "VariantError",
    "batch_topk_encode",
    "build_sae",
    "build_trainer",
    "geometric_median",
    "keep_largest",
    "keywords_for",
    "latent_major",
    "load_variant",
    "off_diagonal",
    "rectified",
    "sample_fired",
    "sparse_decode",
    "threshold_encode",
    "threshold_keywords",
    "topk_encode",
]
