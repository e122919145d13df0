"""The static rules, which read a variant without running it."""

from pathlib import Path

import pytest

from fumehood_tools.files import data_path
from fumehood_tools.kinds import SAE, template_folder
from fumehood_tools.sandbox.check import check_static

GOOD = '''"""An idea."""

import torch
from core import BaseSAE, BaseTrainer


class CustomSAE(BaseSAE):
    def __init__(self, activation_dim, dict_size, k=4):
        super().__init__(activation_dim, dict_size)
        self.k = k

    def encode(self, x):
        return torch.relu(self.encoder(x - self.bias))


class CustomTrainer(BaseTrainer):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)

    def loss(self, x, step, logging=False, **kwargs):
        x_hat, f = self.ae(x, output_features=True)
        loss = (x - x_hat).pow(2).sum(dim=-1).mean()
        if not logging:
            return loss
        return loss, f
'''

# (text in GOOD, its replacement, line of the finding, part of its message, part of the remedy)
MISTAKES = [
    ("class CustomSAE(BaseSAE):", "class CustomSAE(BaseSAE:", 7, "Not valid Python", "syntax"),
    ("class CustomSAE(BaseSAE):", "class MySAE(BaseSAE):", None, "no class CustomSAE", "BaseSAE"),
    ("class CustomSAE(BaseSAE):", "class CustomSAE:", 7, "has no base class", "BaseSAE"),
    (
        "class CustomSAE(BaseSAE):",
        "class CustomSAE(torch.nn.Module):",
        7,
        "no method decode",
        "decode",
    ),
    ("dict_size, k=4", "dict_size, k", 8, "needs more than", "default"),
    ("dict_size, k=4", "dict_size, *, k", 8, "needs more than", "default"),
    ("self, activation_dim, dict_size, k=4", "self", 8, "does not take", "activation_dim"),
    ("super().__init__(activation_dim, dict_size)", "pass", 8, "does not call", "super"),
    ("*args, **kwargs):\n        super", "*args):\n        super", 17, "**kwargs", "**kwargs"),
    ("self, *args, **kwargs):", "self, weight, **kwargs):", 17, "weight", "default"),
    ("            return loss\n", "            return loss, f\n", 24, "tuple", "scalar"),
    ("import torch\n", "import os\n", 3, "may not import os", "sandbox"),
    ("import torch\n", "import torch, subprocess\n", 3, "subprocess", "leave it out"),
    ("from core import", "from custom_saes.base import", 4, "custom_saes", "from core import"),
    ("from core import", "from .base import", 4, "relative", "from core import"),
    ("        self.k = k", "        self.k = eval('4')", 10, "eval()", "plain Python"),
    ("        self.k = k", "        self.k = open('x')", 10, "open()", "register_buffer"),
    ("        self.k = k", "        self.k = torch.load('x')", 10, "torch.load", "register_buffer"),
    ("import torch\n", "from torch import load\n", 3, "torch.load", "register_buffer"),
    ("        self.k = k", "        self.k = ().__class__.__subclasses__()", 10, "__subc", "plain"),
]


def test_a_good_variant_has_no_finding() -> None:
    assert check_static(GOOD.encode(), "good") == []


@pytest.mark.parametrize(("old", "new", "line", "said", "cure"), MISTAKES)
def test_each_mistake_gets_its_line_and_a_remedy(
    old: str, new: str, line: int | None, said: str, cure: str
) -> None:
    assert old in GOOD
    errors = [
        finding
        for finding in check_static(GOOD.replace(old, new).encode(), "bad")
        if finding.severity == "error"
    ]
    assert errors and errors[0].line == line, errors
    assert said in errors[0].message and cure in errors[0].instead, errors[0]


def test_all_packaged_variants_pass_without_a_warning() -> None:
    folders = [template_folder(SAE) / "variants", data_path("examples") / "variants"]
    files = [path for folder in folders for path in folder.glob("*.py")]
    assert len(files) >= 10
    for path in files:
        assert check_static(path.read_bytes(), path.stem) == [], path.name


# (code appended to GOOD, part of the message, part of the remedy)
GAMES = [
    ("from torch import load as read", "torch.load", "register_buffer"),
    ("import numpy as n\nn.memmap('x')", "numpy.memmap", "register_buffer"),
    ("torch.jit.load('x')", "torch.jit.load", "register_buffer"),
    ("read = open", "open()", "register_buffer"),
    ("getattr(torch, 'load')", "torch.load", "register_buffer"),
    ("getattr(torch, '__lo' + 'ader__')", "__loader__", "plain Python"),
    ("'{0.__globals__}'.format(print)", "__globals__", "plain Python"),
    ("torch.relu = None", "change torch.relu", "subclass"),
    ("for torch.relu in [1]: pass", "change torch.relu", "subclass"),
    ("T = torch.Tensor\nT.sum = None", "change torch.Tensor.sum", "subclass"),
    ("BaseSAE.encode = None", "change core.BaseSAE.encode", "subclass"),
    ("del BaseTrainer.loss", "change core.BaseTrainer.loss", "subclass"),
    ("setattr(BaseSAE, 'encode', None)", "change core.BaseSAE", "subclass"),
    ("type.__setattr__(BaseSAE, 'encode', None)", "change core.BaseSAE", "subclass"),
    ("vars(torch)['relu'] = None", "vars(torch)", "subclass"),
    ("torch.__dict__.update(relu=None)", "torch.__dict__", "subclass"),
    ("class A:\n    def __eq__(self, other): return True", "__eq__", "plain torch"),
    ("class A:\n    def __torch_function__(self): ...", "__torch_function__", "plain torch"),
    ("class A(torch.Tensor): ...", "tensor class", "plain torch"),
    ("def f(x, other): return x.as_subclass(other)", "tensors of a custom class", "plain torch"),
    ("def f(e): return e.__traceback__", "__traceback__", "plain Python"),
    ("def f(frame): return frame.f_back", "f_back", "plain Python"),
    ("import gc", "import gc", "plain Python"),
    ("from ctypes import cdll", "import ctypes", "plain Python"),
    ("import sys\nsys.modules['torch']", "import sys", "leave it out"),
    ("from torch import multiprocessing", "torch.multiprocessing", "leave it out"),
    ("from torch.utils import cpp_extension", "torch.utils.cpp_extension", "plain Python"),
    ("torch.zeros(2).share_memory_()", "share_memory_", "register_buffer"),
    ("import time\ntime.sleep(9)", "time.sleep", "limited"),
    ("def f(): raise SystemExit", "SystemExit", "ValueError"),
    ("DECODER = 'magic'", "DECODER is 'magic'", "nonlinear"),
    ("SKIP = 1", "neither True nor False", "SKIP = True"),
    ("SKIP = True", "no method skip", "skip(self, x)"),
    ("PARENT = 3", "not the name of a variant", "PARENT ="),
]


@pytest.mark.parametrize(("game", "said", "cure"), GAMES)
def test_games_with_what_is_shared_get_their_line_and_a_remedy(
    game: str, said: str, cure: str
) -> None:
    source = f"{GOOD}\n\n{game}\n"
    found = check_static(source.encode(), "bad")
    errors = [finding for finding in found if finding.severity == "error"]
    assert errors and (errors[0].line or 0) > len(GOOD.splitlines()), found
    assert said in errors[0].message and cure in errors[0].instead, errors[0]


def test_state_that_scoring_never_sees_is_warned_of_and_not_refused() -> None:
    lines = ["global LAST", "type(self).seen = LAST", "KEPT.append(LAST)"]
    state = "KEPT = []\ndef f(self):\n" + "".join(f"    {line}\n" for line in lines)
    found = check_static(f"{GOOD}\n\n{state}".encode(), "good")
    assert [(finding.severity, finding.rule) for finding in found] == [("warning", "state")] * 3


def test_nothing_is_said_of_what_honest_authors_write() -> None:
    path = Path(__file__).parent / "honest" / "idioms.py"
    assert check_static(path.read_bytes(), path.stem) == []


def test_a_trainer_that_derives_from_nothing_needs_no_call_of_its_base() -> None:
    sae = "from core import BaseSAE\n\n\nclass CustomSAE(BaseSAE):\n    pass\n"
    method = "    def __init__(self, dict_class, steps, **kwargs):\n        self.steps = steps\n"
    for base, findings in (("", 0), ("(BaseTrainer)", 1)):
        source = f"{sae}\n\nclass CustomTrainer{base}:\n{method}"
        source = source.replace("import BaseSAE", "import BaseSAE, BaseTrainer")
        found = [f for f in check_static(source.encode(), "good") if "of its base" in f.message]
        assert len(found) == findings


def test_sources_that_are_an_attack_on_their_reader_are_findings_and_no_crash() -> None:
    for deep in (
        "1" + "**1" * 60_000,
        "-" * 60_000 + "1",
        "'a'" + "+'a'" * 900,
        "f" + "()" * 2_000,
    ):
        found = check_static(f"{GOOD}\nx = {deep}\n".encode(), "deep")
        assert all(finding.rule == "syntax" for finding in found)
    [found, *_] = check_static(f"{GOOD}\ntorch{'.a' * 900} = 1\n".encode(), "long")
    assert len(found.message) < 600


def test_bytes_that_are_no_python_are_findings_and_no_crash() -> None:
    for source in (b"\x00", b"\xff\xfe\x00", b"(" * 5_000, b"#" * 500_000):
        [found, *_] = check_static(source, "odd")
        assert found.severity == "error" and found.instead


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_that_is_not_utf_8_says_how_to_save_it(encoding: str) -> None:
    source = f"{GOOD}\n# Größe\n".encode(encoding)
    [found] = check_static(source, "good")
    assert (found.severity, found.rule) == ("error", "syntax")
    assert "save it as UTF-8" in found.instead
    if encoding == "latin-1":
        assert found.line == GOOD.count("\n") + 2 and "not UTF-8" in found.message


def test_a_byte_order_mark_is_no_mistake() -> None:
    assert check_static(GOOD.encode("utf-8-sig"), "good") == []


def test_unknown_packages_are_warned_of_and_not_refused() -> None:
    source = GOOD.replace("import torch\n", "import torch\nimport scipy\n")
    [found] = check_static(source.encode(), "good")
    assert (found.severity, found.rule, found.line) == ("warning", "import", 4)


def test_a_pilot_file_needs_only_its_import_line_changed() -> None:
    for path in (Path(__file__).parent / "pilot").glob("*.py"):
        source = path.read_text(encoding="utf-8")
        [found] = check_static(source.encode(), path.stem)
        assert found.rule == "import" and found.instead == "from core import BaseSAE, BaseTrainer."
        changed = source.replace("from custom_saes.base import", "from core import")
        assert check_static(changed.encode(), path.stem) == []
