"""Run SAELens' or sparsify's TopK trainer on the activations of a training spec.

usage: python -I -B train_others.py spec.json saelens|sparsify FOLDER-WITH-SPARSIFY

Both start from the same weights as our TopK, and use the same schedule, Adam and batches. Writes
speed and explained variance as JSON to train_log.jsonl. SAELens (6.54) runs with dense latents, as
its sparse path does not work on a CPU.
"""

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent)]

import torch
from torch import Tensor
from train_peer import Start, read_start, report

Step = Callable[[Tensor], object]


class Dense:
    """A peer's SAE with encode and decode on dense latents, for the evaluation."""

    def __init__(self, encode: Callable[[Tensor], Tensor], decode: Callable[[Tensor], Tensor]):
        self.encode, self.decode = encode, decode

    def eval(self) -> None:
        """Do nothing: neither peer's latents depend on the mode."""


def saelens(start: Start) -> tuple[Step, Dense]:
    """Return a function that does one step of SAELens' SAETrainer, and its SAE."""
    from sae_lens.config import SAETrainerConfig
    from sae_lens.saes.topk_sae import TopKTrainingSAE, TopKTrainingSAEConfig
    from sae_lens.training.sae_trainer import SAETrainer

    run, weights = start.run, start.weights
    sizes = {"d_in": run.activation_dim, "d_sae": run.dict_size, "k": start.k}
    config = TopKTrainingSAEConfig(**sizes, device="cpu", use_sparse_activations=False)
    sae = TopKTrainingSAE(config)
    with torch.no_grad():
        sae.W_enc.copy_(weights["encoder.weight"].T)
        sae.W_dec.copy_(weights["decoder.weight"].T)
        sae.b_enc.copy_(weights["encoder.bias"])
        sae.b_dec.copy_(weights["b_dec"])
    keywords = run.keywords(type(sae))
    schedule = SAETrainerConfig(
        total_training_samples=run.tokens,
        train_batch_size_samples=run.batch_size,
        lr=run.lr,
        lr_end=0.0,
        lr_warm_up_steps=keywords["warmup_steps"],
        lr_decay_steps=run.steps - (keywords["decay_start"] or run.steps),
        device="cpu",
    )
    nothing: Iterator[Tensor] = iter(())
    trainer = SAETrainer(schedule, sae, nothing)

    def step(x: Tensor) -> object:
        done = trainer.step(x)
        trainer.n_training_steps += 1
        return done

    return step, Dense(sae.encode, sae.decode)


def sparsify(start: Start) -> tuple[Step, Dense]:
    """Return a function that does one step as sparsify's own trainer does, and its SAE."""
    from dictionary_learning.trainers.trainer import get_lr_schedule
    from sparsify import SparseCoder, SparseCoderConfig

    run, weights = start.run, start.weights
    sae = SparseCoder(run.activation_dim, SparseCoderConfig(num_latents=run.dict_size, k=start.k))
    with torch.no_grad():
        sae.encoder.weight.copy_(weights["encoder.weight"])
        sae.encoder.bias.copy_(weights["encoder.bias"])
        sae.W_dec.copy_(weights["decoder.weight"].T)
        sae.b_dec.copy_(weights["b_dec"])
    keywords = run.keywords(type(sae))
    adam = torch.optim.Adam(sae.parameters(), lr=run.lr)
    rate = get_lr_schedule(run.steps, keywords["warmup_steps"], keywords["decay_start"])
    scheduler = torch.optim.lr_scheduler.LambdaLR(adam, rate)

    def step(x: Tensor) -> object:
        sae.set_decoder_norm_to_unit_norm()
        out = sae(x)
        (out.fvu + out.auxk_loss / 32).backward()
        sae.remove_gradient_parallel_to_decoder_directions()
        adam.step()
        adam.zero_grad()
        scheduler.step()
        return out

    def encode(x: Tensor) -> Tensor:
        found = sae.encode(x)
        f_BF = torch.zeros(len(x), run.dict_size)
        return f_BF.scatter_(-1, found.top_indices, found.top_acts)

    return step, Dense(encode, lambda f: f @ sae.W_dec + sae.b_dec)


def main() -> None:
    """Train with the peer named on the command line."""
    warnings.simplefilter("ignore")
    sys.path.append(sys.argv[3])
    start = read_start(sys.argv[1])
    step, sae = {"saelens": saelens, "sparsify": sparsify}[sys.argv[2]](start)
    began = time.perf_counter()
    for x in start.batches():
        step(x)
    report(start, time.perf_counter() - began, sae)


main()
