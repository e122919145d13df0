"""Weights of transcoders go to other libraries' files and come back, with the same values."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fumehood_tools.errors import BadRequest
from fumehood_tools.exchange import (
    TranscoderWeights,
    read_circuit_tracer,
    read_own,
    read_sparsify,
    write_circuit_tracer,
    write_own,
    write_sparsify,
)

torch = pytest.importorskip("torch")
D, F, K = 6, 20, 3


def some(activation: str, *, skip: bool = True) -> TranscoderWeights:
    """Return weights drawn at random."""
    draw = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Any:
        return torch.randn(*shape, generator=draw)

    return TranscoderWeights(
        W_enc=normal(F, D),
        b_enc=normal(F),
        W_dec=normal(D, F),
        b_dec=normal(D),
        activation=activation,  # type: ignore[arg-type]
        W_skip=normal(D, D) if skip else None,
        k=K if activation == "topk" else None,
        threshold=normal(F).abs() if activation == "jumprelu" else None,
    )


def rows(count: int = 40) -> Any:
    return torch.randn(count, D, generator=torch.Generator().manual_seed(1))


def same(one: TranscoderWeights, other: TranscoderWeights) -> bool:
    x = rows()
    return torch.allclose(one.predict(x), other.predict(x), atol=1e-5) and torch.allclose(
        one.encode(x), other.encode(x), atol=1e-5
    )


def test_a_prediction_is_what_is_computed_by_hand() -> None:
    weights = TranscoderWeights(
        W_enc=torch.tensor([[1.0, 0.5], [1.0, 0.5], [-1.0, 0.0]]),
        b_enc=torch.tensor([0.0, -0.5, 0.0]),
        W_dec=torch.tensor([[1.0, 10.0, 0.0], [0.0, 1.0, 3.0]]),
        b_dec=torch.tensor([0.5, -0.5]),
        activation="topk",
        W_skip=torch.tensor([[0.0, 1.0], [2.0, 0.0]]),
        k=1,
    )
    x = torch.tensor([[1.0, 2.0], [-1.0, 0.0]])
    assert weights.predict(x).tolist() == [[4.5, 1.5], [0.5, 0.5]]


@pytest.mark.parametrize("skip", [True, False])
def test_topk_goes_to_sparsify_and_back(tmp_path: Path, skip: bool) -> None:
    made = some("topk", skip=skip)
    write_sparsify(made, tmp_path / "layers.3.mlp")
    found = read_sparsify(tmp_path / "layers.3.mlp")
    assert same(found, made) and found.k == K


def test_a_file_of_sparsify_that_was_written_by_hand_is_read(tmp_path: Path) -> None:
    """The names and orientations are those of sparsify 1.3.3's SparseCoder, read in its source."""
    from safetensors.torch import save_file

    made = some("topk")
    assert made.W_skip is not None
    held = {
        "encoder.weight": made.W_enc,
        "encoder.bias": made.b_enc,
        "W_dec": made.W_dec.T.contiguous(),
        "b_dec": made.b_dec,
        "W_skip": made.W_skip,
    }
    save_file(held, tmp_path / "sae.safetensors")
    config = '{"activation": "topk", "k": 3, "transcode": true, "skip_connection": true, "d_in": 6}'
    (tmp_path / "cfg.json").write_text(config, encoding="utf-8")
    assert same(read_sparsify(tmp_path), made)
    (tmp_path / "cfg.json").write_text(config.replace("true", "false", 1), encoding="utf-8")
    with pytest.raises(BadRequest, match="is an SAE of sparsify"):
        read_sparsify(tmp_path)


@pytest.mark.parametrize("activation", ["relu", "jumprelu"])
def test_relu_and_jumprelu_go_to_circuit_tracer_and_back(tmp_path: Path, activation: str) -> None:
    made = some(activation)
    path = write_circuit_tracer(made, tmp_path, 7)
    assert path.name == "layer_7.safetensors" and same(read_circuit_tracer(path), made)


def test_what_a_format_loses_is_refused_with_what_keeps_it(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=r"come back as relu.*with_threshold"):
        write_circuit_tracer(some("topk"), tmp_path, 0)
    with pytest.raises(BadRequest, match="sparsify's files hold topk only.*write_circuit_tracer"):
        write_sparsify(some("jumprelu"), tmp_path)
    turned, before, after = some("topk").with_threshold(rows(400))
    assert before == K and abs(after - K) < 0.1
    assert same(read_circuit_tracer(write_circuit_tracer(turned, tmp_path, 0)), turned)


def test_a_transposed_matrix_is_refused_by_its_shape() -> None:
    made = some("relu")
    with pytest.raises(BadRequest, match=r"W_dec has the shape \(20, 6\).*which side"):
        replace(made, W_dec=made.W_dec.T)


def test_the_norm_can_be_moved_into_a_transcoder_and_out_again() -> None:
    """x = n * weight + bias: circuit-tracer's ln2.hook_normalized is n, our mlp_in is x."""
    made, n = some("topk"), rows()
    weight, bias = torch.linspace(-0.5, 3.1, D), torch.linspace(0.5, 1, D)
    inner = made.at_norm(weight, bias)
    assert torch.allclose(inner.predict(n), made.predict(n * weight + bias), atol=1e-4)
    assert not torch.allclose(inner.predict(n), made.predict(n), atol=0.1)
    assert torch.allclose(inner.after_norm(weight, bias).predict(n), made.predict(n), atol=1e-4)
    with pytest.raises(BadRequest, match="weight has a 0"):
        made.after_norm(weight * 0)


@pytest.mark.parametrize("activation", ["relu", "topk", "jumprelu"])
def test_our_files_hold_normalised_space_and_say_both_scales(
    tmp_path: Path, activation: str
) -> None:
    from safetensors.torch import load_file

    made = some(activation)
    write_own(made, tmp_path, scale=4.0, target_scale=0.5)
    held = load_file(tmp_path / "transcoder.safetensors")
    inner = replace(
        made,
        W_enc=held["encoder.weight"],
        b_enc=held["encoder.bias"],
        W_dec=held["decoder.weight"],
        b_dec=held["decoder.bias"],
        W_skip=held["W_skip"],
    )
    x = rows()
    assert torch.allclose(made.predict(x), 0.5 * inner.predict(x / 4.0), atol=1e-5)
    assert same(read_own(tmp_path), made)


def test_weights_of_a_class_of_its_own_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    write_own(some("topk"), tmp_path, 1.0, 1.0)
    path = tmp_path / "transcoder.safetensors"
    save_file({**load_file(path), "log_gain": torch.zeros(F)}, path)
    with pytest.raises(BadRequest, match="log_gain: weights of a class of its own"):
        read_own(tmp_path)
