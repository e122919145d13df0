"""The evaluator's checks: what they refuse, what they measure, and that they trust no variant."""

import hashlib
import json
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

# 6 kB in hex.
BROUGHT = "".join(hashlib.sha256(bytes([number])).hexdigest() for number in range(200))
Answers = Mapping[str, dict[str, Any]]
TOPK = """
        a = torch.relu(self.encoder(x - self.bias))
        v, i = a.topk(8, dim=-1)
        f = torch.zeros_like(a).scatter(-1, i, v)
"""
CLASS = "\n\nclass CustomSAE(BaseSAE):\n"
ENCODE = CLASS + "    def encode(self, x):"
DECODE = "\n    def decode(self, f):"

REFUSED = {
    "output_shape": ENCODE + TOPK + "        return f[:, 1:]\n",
    "output_dtype": ENCODE + TOPK + "        return (100 * f).long()\n",
    "output_finite": ENCODE + TOPK + "        return f / (f - f)\n",
    "output_finite_decode": CLASS + DECODE + "\n        return super().decode(f) / 0\n",
    "output_finite_huge": ENCODE + TOPK + "        return f + 1e30\n",
    "output_sign": ENCODE + "\n        return self.encoder(x)\n",
    "determinism": ENCODE + TOPK + "        return (f + 0.1 * torch.rand_like(f)).relu()\n",
    "determinism_calls": CLASS
    + "    calls = 0\n\n    def encode(self, x):"
    + TOPK
    + "        CustomSAE.calls += 1\n        return a if CustomSAE.calls % 2 else f\n",
    "batch_invariance": ENCODE
    + "\n        a = torch.relu(self.encoder(x))\n"
    + "        return a * (a > a.flatten().quantile(0.9))\n",
    "decoder_nonlinear": CLASS
    + DECODE
    + "\n        h = super().decode(f)\n        return h + torch.relu(h)\n",
    "decoder_packing": 'DECODER = "nonlinear"\n'
    + ENCODE
    + "\n        bits = (x > self.bias).long().reshape(len(x), -1, 8)\n"
    + "        f = torch.zeros(len(x), self.dict_size)\n"
    + "        f[:, : bits.shape[1]] = (bits * 2 ** torch.arange(8)).sum(-1) + 1.0\n"
    + "        return f\n"
    + DECODE
    + "\n        n = self.activation_dim // 8\n"
    + "        words = (f[:, :n] - 1).round().long()[..., None]\n"
    + "        bits = (words // 2 ** torch.arange(8)) % 2\n"
    + "        return (2.0 * bits.reshape(len(f), -1) - 1) / self.activation_dim**0.5\n",
    "parameter_budget": CLASS
    + "    def __init__(self, activation_dim, dict_size):\n"
    + "        super().__init__(activation_dim, dict_size)\n"
    + "        self.more = torch.nn.Parameter(torch.zeros(9, activation_dim, dict_size))\n",
    "parameter_budget_bytes": CLASS
    + "    def __init__(self, activation_dim, dict_size):\n"
    + "        super().__init__(activation_dim, dict_size)\n"
    + "        more = torch.zeros(4, activation_dim, dict_size, dtype=torch.int64)\n"
    + "        self.register_buffer('more', more)\n",
    "source_budget": f'WEIGHTS = "{BROUGHT}"\n' + CLASS + "    pass\n",
    "protocol": ENCODE
    + "\n        for handle in range(3, 60):\n"
    + "            try:\n"
    + "                os.write(handle, b'{\"done\": 1}\\n')\n"
    + "            except OSError:\n"
    + "                pass\n"
    + "        return torch.relu(self.encoder(x))\n",
    "protocol_flood": ENCODE
    + "\n        for handle in range(3, 60):\n"
    + "            try:\n"
    + "                os.write(handle, b'x' * 9000)\n"
    + "            except OSError:\n"
    + "                pass\n"
    + "        return torch.relu(self.encoder(x))\n",
}


@pytest.fixture(scope="module")
def refusals(score_all: Callable[[dict[str, str]], Answers]) -> Answers:
    return score_all(REFUSED)


@pytest.mark.child
@pytest.mark.parametrize("name", REFUSED)
def test_each_check_refuses_what_it_is_there_for(refusals: Answers, name: str) -> None:
    error = refusals[name]["error"]
    assert error["code"] == "integrity" and name.startswith(error["check"]), error
    assert error["message"].startswith(f"{error['check']}: "), error


CHECKED = (
    "output_shape",
    "output_dtype",
    "output_finite",
    "output_sign",
    "determinism",
    "batch_invariance",
    "decoder_nonlinear",
    "decoder_packing",
    "parameter_budget",
    "source_budget",
    "protocol",
)
WORTH_NOTHING = {
    "honest": ENCODE + TOPK + "        return f\n",
    "stash": ENCODE
    + "\n        self.kept = x\n        f = torch.zeros(len(x), self.dict_size)\n"
    + "        f[:, 0] = 1\n        return f\n"
    + DECODE
    + "\n        kept = getattr(self, 'kept', None)\n"
    + "        return super().decode(f) if kept is None else kept[: len(f)]\n",
    "row_numbers": ENCODE
    + "\n        CustomSAE.rows = x\n        f = torch.zeros(len(x), self.dict_size)\n"
    + "        f[:, 0] = 1.0\n        return f\n"
    + DECODE
    + "\n        rows = getattr(CustomSAE, 'rows', None)\n"
    + "        return super().decode(f) if rows is None else rows[f[:, 0].long()]\n",
    "minus_zero": ENCODE + TOPK + "        return torch.where(f == 0, -0.0 * (x[:, :1] > 0), f)\n",
    "skip": "SKIP = True\n" + ENCODE + TOPK + "        return f\n\n    def skip(self, x):\n"
    "        return x\n",
    "bent": 'DECODER = "nonlinear"\n'
    + ENCODE
    + TOPK
    + "        return f\n"
    + DECODE
    + "\n        h = super().decode(f)\n        return h + 0.3 * torch.relu(h)\n",
    "silent": ENCODE + "\n        return 0 * torch.relu(self.encoder(x))\n",
    "gated": ENCODE + TOPK + "        return f\n",
    "double": CLASS
    + "    def __init__(self, activation_dim, dict_size):\n"
    + "        super().__init__(activation_dim, dict_size)\n        self.double()\n\n"
    + "    def encode(self, x):"
    + TOPK.replace("x - self.bias", "x.double() - self.bias")
    + "        return f.float()\n"
    + DECODE
    + "\n        return super().decode(f.double()).float()\n",
}


@pytest.fixture(scope="module")
def scored(score_all: Callable[[dict[str, str]], Answers]) -> Answers:
    answers = score_all(WORTH_NOTHING)
    assert all("metrics" in answer for answer in answers.values()), answers
    return answers


@pytest.mark.child
def test_what_encode_keeps_is_worth_nothing(scored: Answers) -> None:
    for name in ("stash", "row_numbers"):
        metrics = scored[name]["metrics"]
        assert metrics["l0"] == 1
        assert metrics["explained_variance"] < 0.1
        assert metrics["loss_recovered"] < 0.1


def test_the_sign_of_a_zero_changes_nothing(scored: Answers) -> None:
    ours, honest = scored["minus_zero"]["metrics"], scored["honest"]["metrics"]
    assert ours == pytest.approx(honest, rel=1e-6)


def test_an_honest_variant_is_measured_and_its_margins_are_kept(scored: Answers) -> None:
    integrity = scored["honest"]["integrity"]
    assert integrity["decoder"] == "linear"
    assert integrity["decoder_residual"] < 1e-5
    assert integrity["repeat_difference"] < 1e-3
    assert integrity["batch_dependence"] < 1e-3
    assert integrity["l0_probing"] == pytest.approx(8, abs=0.5)
    assert integrity["parameter_ratio"] == pytest.approx(1, abs=0.02)
    assert {*CHECKED} - {*integrity["checks"]} == {"decoder_packing"}


def test_the_budget_of_weights_is_in_bytes(scored: Answers) -> None:
    plain, double = (scored[name]["integrity"] for name in ("honest", "double"))
    assert double["parameters"] == plain["parameters"]
    assert double["parameter_ratio"] == pytest.approx(2 * plain["parameter_ratio"])


def test_a_skip_path_is_shown_apart_and_headline_metrics_are_of_the_latents(
    scored: Answers,
) -> None:
    skip, honest = scored["skip"], scored["honest"]
    own = honest["metrics"]["explained_variance"]
    assert skip["metrics"]["explained_variance"] == pytest.approx(own, abs=1e-6)
    assert skip["integrity"]["explained_variance_skip"] == pytest.approx(1, abs=1e-6)
    assert skip["integrity"]["explained_variance_with_skip"] < 1
    assert honest["integrity"]["explained_variance_skip"] is None


def test_a_declared_nonlinear_decoder_is_measured_itself_with_its_linear_part_beside(
    scored: Answers,
) -> None:
    integrity = scored["bent"]["integrity"]
    assert integrity["decoder"] == "nonlinear"
    assert integrity["decoder_residual"] > 0.01
    assert integrity["noise_loss"] < 0.01
    assert integrity["explained_variance_linear"] is not None
    own = scored["bent"]["metrics"]["explained_variance"]
    assert own != pytest.approx(integrity["explained_variance_linear"], abs=1e-4)


def test_a_variant_without_any_active_latent_gets_its_zeros(scored: Answers) -> None:
    metrics = scored["silent"]["metrics"]
    assert (metrics["l0"], metrics["alive"]) == (0, 0)


def test_the_name_of_a_variant_does_not_change_how_it_is_measured(scored: Answers) -> None:
    assert scored["gated"]["metrics"] == pytest.approx(scored["honest"]["metrics"], rel=1e-6)


BAD_FILES = {
    "pickle": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94.",
    "empty": b"",
    "long_header": struct.pack("<Q", 1 << 40) + b"{}",
    "no_object": struct.pack("<Q", 2) + b"[]",
    "cut": struct.pack("<Q", 66)
    + b'{"bias":{"dtype":"F32","shape":[64],"data_offsets":[0,256]}}      ',
}


def test_weights_that_are_no_plain_safetensors_file_are_refused_before_any_child_sees_them(
    scorer: Any, score_all: Callable[[dict[str, str]], Answers], tmp_path: Path
) -> None:
    (tmp_path / "it.py").write_text("from core import BaseSAE\n\n\nclass CustomSAE(BaseSAE): ...\n")
    header = {"bias": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}
    text = json.dumps(header).encode()
    infinite = struct.pack("<Q", len(text)) + text + struct.pack("<f", float("inf"))
    for content in (*BAD_FILES.values(), infinite):
        (tmp_path / "it.safetensors").write_bytes(content)
        error = scorer.score(tmp_path, "it")["error"]
        assert error["check"] == "weights_file", error
    (tmp_path / "it.safetensors").unlink()
    (tmp_path / "it.safetensors").symlink_to("/etc/hostname")
    assert "error" in scorer.score(tmp_path, "it")
