"""The whole check: static rules, then the contract in a child process."""

import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fumehood_tools.errors import UnknownName
from fumehood_tools.glass import available_levels
from fumehood_tools.sandbox.check import CheckReport, check_variant
from fumehood_tools.sandbox.create import Sandbox

LEVEL = available_levels()[0]
Check = Callable[..., CheckReport]
HEAD = '"""Mine."""\nimport torch\nfrom core import BaseSAE, BaseTrainer\n\n\n'
SAE = "class CustomSAE(BaseSAE):\n"
LOSS = "class CustomTrainer(BaseTrainer):\n    def loss(self, x, step, logging=False, **kwargs):\n"
ENCODE = HEAD + SAE + "    def encode(self, x):\n"
DECODE = HEAD + SAE + "    def decode(self, f):\n"
INIT = (
    HEAD + SAE + "    def __init__(self, activation_dim, dict_size):\n"
    "        super().__init__(activation_dim, dict_size)\n"
)
TRAINER = HEAD + SAE + "    pass\n\n\n" + LOSS

# source, line, part of the message, part of the remedy
ERRORS = [
    (ENCODE + "        return x\n", 7, "not (48, 128)", "[B, F]"),
    (ENCODE + "        return torch.relu(self.encoder(x[:1]))\n", 7, "shape (1, 128)", "[B, F]"),
    (ENCODE + "        return self.encoder(x) > 0\n", 7, "torch.bool", "float"),
    (ENCODE + "        return (self.encoder(x),)\n", 7, "a tuple", "one tensor"),
    (ENCODE + "        x -= self.bias\n        return self.encoder(x)\n", 7, "in place", "copy"),
    (
        ENCODE + "        return torch.rand(len(x), 128) * self.encoder(x)\n",
        7,
        "same x",
        "self.training",
    ),
    (ENCODE + "        return self.encoder(x) @ self.W_extra\n", 8, "W_extra", "__init__"),
    (DECODE + "        return self.decoder(f) / 0 * 0\n", 7, "NaN", "clamp"),
    (TRAINER + "        return torch.stack([x.mean(), self.ae(x).mean()])\n", 11, "(2,)", "scalar"),
    (TRAINER + "        return self.ae(x).mean() * torch.inf\n", 11, "inf", "clamp"),
    (
        TRAINER + "        zero = self.ae.encoder(x * 0).pow(2).sum(dim=1)\n"
        "        return (x - self.ae(x)).pow(2).sum() + zero.sqrt().sum()\n",
        11,
        "NaN",
        "1e-8",
    ),
    (TRAINER + "        return self.ae(x).detach().mean()\n", 11, "require grad", "detach"),
    (
        TRAINER + "        self.ae.late = torch.nn.Parameter(torch.ones(1))\n"
        "        return (x - self.ae(x)).pow(2).sum() * self.ae.late\n",
        6,
        "late",
        "CustomSAE.__init__",
    ),
    (
        INIT + "        self.register_buffer('phase', torch.zeros(3, dtype=torch.complex128))\n",
        None,
        "phase is torch.complex128",
        "torch.view_as_complex",
    ),
    (
        INIT + "        self.gate = torch.ones(dict_size)\n\n    def encode(self, x):\n"
        "        if self.training:\n            self.gate = self.gate + 1\n"
        "        return super().encode(x) * self.gate\n",
        7,
        "computes something else",
        "register_buffer",
    ),
]
WARNINGS = [
    (ENCODE + "        return self.encoder(x)\n", "negative", 7),
    (ENCODE + "        return torch.sigmoid(self.encoder(x))\n", "dense", 7),
    (ENCODE + "        f = self.encoder(x).relu()\n        return f / f.max()\n", "batch", 7),
    (INIT + "        self.spare = torch.nn.Parameter(torch.ones(3))\n", "inert", 7),
]


def findings(core: SimpleNamespace, path: Path, out: Path) -> list[dict[str, Any]]:
    spec = {"variant": str(path), "activation_dim": 24, "dict_size": 128, "out": str(out)}
    found: list[dict[str, Any]] = core.check.check(spec)
    return found


@pytest.mark.parametrize(("source", "line", "said", "cure"), ERRORS)
def test_each_broken_contract_gets_its_line_and_a_remedy(
    core: SimpleNamespace,
    write_variant: Callable[..., Path],
    tmp_path: Path,
    source: str,
    line: int,
    said: str,
    cure: str,
) -> None:
    found = findings(core, write_variant(source), tmp_path / "out")
    assert [one["severity"] for one in found].count("error") == 1, found
    assert said in found[0]["message"] and cure in found[0]["instead"], found[0]
    assert found[0]["line"] == line, found[0]


@pytest.mark.parametrize(("source", "rule", "line"), WARNINGS)
def test_what_looks_like_a_mistake_is_a_warning(
    core: SimpleNamespace,
    write_variant: Callable[..., Path],
    tmp_path: Path,
    source: str,
    rule: str,
    line: int,
) -> None:
    found = findings(core, write_variant(source), tmp_path / "out")
    assert {one["severity"] for one in found} == {"warning"}, found
    assert (rule, line) in {(one["rule"], one["line"]) for one in found}, found


def test_a_variant_that_only_works_at_this_size_is_warned(
    core: SimpleNamespace, write_variant: Callable[..., Path], tmp_path: Path
) -> None:
    source = ENCODE + "        return super().encode(x) * torch.ones(1024)\n"
    spec = {"variant": str(write_variant(source)), "activation_dim": 24, "dict_size": 1024}
    [found] = core.check.check({**spec, "out": str(tmp_path / "out")})
    assert found["severity"] == "warning" and "F = 512" in found["message"]


@pytest.fixture
def check(kernels: Path | None) -> Check:
    """Return check_variant at the best level of this machine, with kernels that are compiled."""
    return partial(check_variant, level=LEVEL, kernels=lambda: kernels)


@pytest.mark.child
def test_the_worked_example_is_ok_in_a_real_child(sandbox: Sandbox, check: Check) -> None:
    report = check(sandbox, "example")
    assert report.ok and report.findings == [], report.text()
    assert "run_variants" in report.text()


@pytest.mark.child
def test_a_file_with_a_byte_order_mark_is_checked_like_any_other(
    sandbox: Sandbox, check: Check
) -> None:
    path = sandbox.variant_path("example")
    path.write_text(path.read_text(encoding="utf-8"), encoding="utf-8-sig")
    report = check(sandbox, "example")
    assert report.ok and {one.rule for one in report.findings} <= {"same"}, report.text()


def test_a_number_of_latents_that_there_is_not_says_what_to_set(
    core: SimpleNamespace, write_variant: Callable[..., Path], tmp_path: Path
) -> None:
    source = ENCODE.replace("import BaseSAE", "import topk_encode, BaseSAE")
    body = "        return topk_encode(x, self.encoder.weight, self.encoder.bias, {}).dense()\n"
    for number, k in enumerate((0, 129)):
        found = findings(core, write_variant(source + body.format(k)), tmp_path / f"k{number}")
        assert f"k is {k}, but k must be from 1" in found[0]["message"], found
        assert found[0]["line"] == 8 and "dict_size" in found[0]["instead"], found
    # At the small size of the check there are fewer latents than this sandbox has.
    spec = {"variant": str(write_variant(source + body.format(600))), "activation_dim": 24}
    found = core.check.check({**spec, "dict_size": 1024, "out": str(tmp_path / "many")})
    assert found == []


def test_the_packaged_variants_break_no_rule_of_the_contract(
    core: SimpleNamespace, sandbox: Sandbox, tmp_path: Path
) -> None:
    for path in sorted(sandbox.variants.glob("*.py")):
        assert findings(core, path, tmp_path / path.stem) == [], path.stem


@pytest.mark.child
def test_an_endless_loop_is_ended_and_its_line_named(sandbox: Sandbox, check: Check) -> None:
    path = sandbox.variants / "endless.py"
    path.write_text(ENCODE + "        while True:\n            pass\n", encoding="utf-8")
    report = check(sandbox, "endless", wall_seconds=8)
    assert not report.ok
    [found] = report.findings
    assert (found.rule, found.line) in {("time", 8), ("time", 9)}, report.text()
    assert "Encode" in found.message and "loop" in found.instead


@pytest.mark.child
def test_a_process_that_ends_itself_is_a_finding(sandbox: Sandbox, check: Check) -> None:
    path = sandbox.variants / "leaves.py"
    beyond = "numpy.lib.stride_tricks.as_strided(numpy.ones(1), (2**40,), (8,))[2**39]"
    source = ENCODE + f"        import numpy\n        return {beyond}\n"
    path.write_text(source, encoding="utf-8")
    report = check(sandbox, "leaves")
    assert not report.ok and report.findings[0].rule == "crash", report.text()


@pytest.mark.child
def test_an_allocation_beyond_the_limit_says_so(sandbox: Sandbox, check: Check) -> None:
    source = (
        ENCODE + "        x = []\n        while True:\n            x.append(torch.ones(1 << 22))\n"
    )
    (sandbox.variants / "hungry.py").write_text(source, encoding="utf-8")
    limits = sandbox.spec.limits.model_copy(update={"memory_gb": 1.0})
    spec = sandbox.spec.model_copy(update={"limits": limits})
    report = check(sandbox.model_copy(update={"spec": spec}), "hungry")
    assert report.findings[0].rule == "memory" and "memory_gb" in report.findings[0].instead


def test_static_errors_end_the_check_before_anything_runs(sandbox: Sandbox) -> None:
    (sandbox.variants / "bad.py").write_text("class CustomSAE(:\n", encoding="utf-8")
    # Compiling kernels may take 10 s; a file with static errors must not wait for it.
    report = check_variant(sandbox, "bad", LEVEL, kernels=lambda: pytest.fail("kernels are asked"))
    assert not report.ok
    assert [(found.rule, found.line) for found in report.findings] == [("syntax", 1)]
    with pytest.raises(UnknownName):
        check_variant(sandbox, "nothing", LEVEL)


@pytest.mark.child
def test_the_variant_in_the_docs_passes(sandbox: Sandbox, check: Check) -> None:
    page = Path(__file__).resolve().parents[3] / "docs" / "variants.md"
    source = page.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    (sandbox.variants / "from_docs.py").write_text(source, encoding="utf-8")
    report = check(sandbox, "from_docs")
    assert report.ok, report.text()


@pytest.mark.child
def test_what_a_file_brings_along_is_said_before_anything_is_trained(
    sandbox: Sandbox, check: Check
) -> None:
    topk = (sandbox.variants / "topk.py").read_text(encoding="utf-8")
    for name, size in (("some", 1_000), ("much", 6_000)):
        numbers = random.Random(0).randbytes(size).hex()
        (sandbox.variants / f"{name}.py").write_text(f'{topk}\nW = "{numbers}"\n', "utf-8")
    some, much = (check(sandbox, name) for name in ("some", "much"))
    [found] = [finding for finding in some.findings if finding.rule == "not_trained_here"]
    assert some.ok and "not trained here" in found.message and "no verdict" in found.message
    [refused] = [finding for finding in much.findings if finding.severity == "error"]
    assert refused.rule == "source_budget" and "allowed: 4" in refused.message
