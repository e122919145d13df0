"""What check_variant says beside ok: how far a file is from its parent, and what cannot work."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import NamedTuple

import pytest

from fumehood_tools.glass import available_levels
from fumehood_tools.kinds import template_root
from fumehood_tools.sandbox.check import CheckReport, Complaint, check_variant
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.sandbox.declarations import read_declarations
from fumehood_tools.sandbox.fault_lines import at_fault
from fumehood_tools.sandbox.trial import TrialSaid, prepare_trial, read_said, subjects_of
from fumehood_tools.sandbox.trial_findings import Findings

LEVEL = available_levels()[0]
PACKAGED = template_root() / "sae" / "variants"
HEAD = '"""Mine."""\n\nimport torch\n\nfrom core import BaseSAE, BaseTrainer\nfrom core import '
HEAD += "BaseTopK, BaseTopKTrainer, keep_largest\n"
TOPK = HEAD + 'K = 32\nKNOB = "K"\nPARENT = "topk"\n\n\n'
SAE = "class CustomSAE(BaseTopK):\n"
INIT = "    def __init__(self, activation_dim, dict_size, k=K):\n"
INIT += "        super().__init__(activation_dim, dict_size, k)\n"
TRAINER = "\n\nclass CustomTrainer(BaseTopKTrainer):\n    k = K\n"
PLAIN = f"{TOPK}{SAE}{INIT}{TRAINER}"
STANDARD = f"{HEAD}L1_PENALTY = 0.1\n\n\nclass CustomSAE(BaseSAE):\n"
WIDTH = 48


class Tried(NamedTuple):
    """The findings about a source, and what the trial said unless there was an error before it."""

    findings: list[Complaint]
    said: TrialSaid | None

    @property
    def errors(self) -> list[Complaint]:
        return [one for one in self.findings if one.severity == "error"]


Check = Callable[[str], CheckReport]
Try = Callable[[str], Tried]


@pytest.fixture
def check(sandbox: Sandbox, kernels: Path | None) -> Check:
    """Return a function that checks a source in children, at the best level of this machine."""

    def checked(source: str) -> CheckReport:
        (sandbox.variants / "mine.py").write_text(source, encoding="utf-8")
        return check_variant(sandbox, "mine", LEVEL, kernels=lambda: kernels)

    return checked


@pytest.fixture
def tried(core: SimpleNamespace, program: ModuleType, sandbox: Sandbox, tmp_path: Path) -> Try:
    """Return a function that does what the children of a check do, in this process."""

    def run(source: str) -> Tried:
        (sandbox.variants / "mine.py").write_text(source, encoding="utf-8")
        content = source.encode()
        files = subjects_of(sandbox, "mine", content)
        spec = {"variant": str(sandbox.variants / "mine.py"), "out": str(tmp_path / "out")}
        made = core.check.check({**spec, "activation_dim": WIDTH, "dict_size": 256})
        found = [at_fault(content, Complaint.model_validate(one)) for one in made]
        if any(one.severity == "error" for one in found):
            return Tried(found, None)
        trial = prepare_trial(sandbox, WIDTH, files, 60, tmp_path / "trial")
        trial.folder.mkdir(exist_ok=True)
        program.Trial(trial.spec).run()
        said = read_said(trial.folder)
        assert said is not None
        findings = Findings(said, files, read_declarations(content))
        return Tried(findings.all(said.comparison(files.declared)), said)

    return run


def line_of(source: str, text: str) -> int:
    """Return the number of the first line that contains a text."""
    return next(n for n, line in enumerate(source.splitlines(), 1) if text in line)


def found(report: CheckReport | Tried, rule: str) -> Complaint:
    """Return the only finding of a rule."""
    [finding] = [one for one in report.findings if one.rule == rule]
    return finding


@pytest.mark.child
def test_a_penalty_whose_name_is_misspelled_is_named_and_the_file_said_to_be_its_parent(
    check: Check,
) -> None:
    source = PLAIN + "\n    def penalties(self, x, f, step):\n        return f.value_A.sum()\n"
    report = check(source)
    assert report.comparison is not None and report.comparison.mechanism == "same"
    assert report.comparison.same_weights and "computes exactly what topk computes" in report.text()
    unused = found(report, "unused")
    assert unused.line == line_of(source, "def penalties") and "penalty?" in unused.instead
    assert found(report, "same").line == unused.line
    assert report.next.startswith("If the change is meant to act here, change the file")
    assert report.comparison.declared == report.comparison.parent == "topk"
    assert "guards against" in found(report, "same").instead and "run_variants(" in report.next


@pytest.mark.child
def test_a_file_that_differs_by_its_learning_rate_alone_is_sent_on_to_a_run(check: Check) -> None:
    source = (PACKAGED / "topk.py").read_text(encoding="utf-8")
    source += (
        '\nPARENT = "topk"\n\n\nclass CustomTrainer(CustomTrainer):\n'
        "    def __init__(self, **kwargs):\n"
        '        kwargs["lr"] = 0.02\n        super().__init__(**kwargs)\n'
    )
    report = check(source)
    assert report.comparison is not None and report.comparison.same_weights is False
    said = found(report, "same").message
    assert "after these steps computes exactly what topk computes, but the steps lead to" in said
    assert "its initialization, optimizer, learning rate or update(), or what it computes" in said
    assert found(report, "same").instead.startswith("go on if that is the change")
    assert report.next.startswith("run_variants(")


@pytest.mark.child
def test_another_baseline_under_ones_own_name_is_recognized_and_a_missing_knob_gets_its_line(
    check: Check,
) -> None:
    source = (PACKAGED / "batch_topk.py").read_text(encoding="utf-8").replace('KNOB = "K"\n', "")
    report = check(f'{source}\nPARENT = "topk"\n')
    assert "computes exactly what batch_topk computes, though it declares topk" in report.text()
    assert report.knob is None and report.knob_lines == 'KNOB = "K"'
    assert 'Add at the top of the file: KNOB = "K"' in report.text()


@pytest.mark.child
def test_a_change_is_said_in_percent_beside_l0_time_parameters_knob_and_the_next_call(
    check: Check,
) -> None:
    source = (PACKAGED / "example.py").read_text(encoding="utf-8")
    report = check(source.replace("self.log_gain.exp()", "(2 * self.log_gain).exp()"))
    text, trial, compared = report.text(), report.trial, report.comparison
    assert report.ok and report.findings == [], text
    assert compared is not None and compared.parent == "topk" and compared.forward > 0.01
    assert compared.loss and compared.gradient and "Different from topk: forward" in text
    assert trial is not None and trial.l0 == 32 and trial.ms_per_step and trial.parent_ms_per_step
    assert trial.parent_parameters == trial.parameters - 256
    assert not trial.unmoved and not trial.frozen and compared.same_weights is False
    assert (report.knob, report.knob_value, report.knob_lines) == ("K", 32, None)
    assert report.next == (
        'run_variants(sandbox="box", variants=["mine", "topk", "untrained"], seeds=[0, 1, 2], '
        "l0_targets=[8, 16])."
    )
    assert len(text) < 700


def test_a_knob_without_effect_is_named_with_the_line_that_gives_it_one(tried: Try) -> None:
    dead = PLAIN.replace("    k = K\n", "    pass\n")
    finding = found(tried(dead), "knob")
    assert finding.line == line_of(dead, "K = 32") and (finding.write or "").startswith("k = K")
    assert not [one for one in tried(PLAIN).findings if one.rule == "knob"]


def test_parameters_that_never_move_are_named_frozen_ones_too(tried: Try) -> None:
    init = INIT + "        self.spare = torch.nn.Parameter(torch.ones(3))\n"
    init += "        self.decoder.weight.requires_grad_(False)\n"
    source = f"{TOPK}{SAE}{init}{TRAINER}"
    report = tried(source)
    assert report.said is not None
    assert report.said.unmoved == ("spare",) and report.said.frozen == ("decoder.weight",)
    assert found(report, "inert").line == line_of(source, "self.spare")


REFUSED = {
    "negative": "    def encode(self, x):\n        return self.encoder(x - self.bias)\n",
    "batch": "    def encode(self, x):\n        f = super().encode(x)\n"
    "        return torch.relu(f - f.mean(dim=0))\n",
    "decoder": "    def decode(self, f):\n        return super().decode(f).relu()\n",
}


@pytest.mark.parametrize("rule", REFUSED)
def test_what_the_evaluator_refuses_is_an_error_with_its_line_and_the_lines_to_write(
    tried: Try, rule: str
) -> None:
    source = STANDARD + REFUSED[rule]
    report = tried(source)
    finding = found(report, rule)
    assert finding.severity == "error" and finding.line == line_of(source, "    def ")
    assert finding.write and finding.write.splitlines()[0] in finding.text()


FIXED = {
    "the global seed": (
        INIT.replace("super()", "torch.manual_seed(137)\n        super()"),
        TRAINER,
    ),
    "the run's seed": (
        INIT,
        f"{TRAINER}\n    def __init__(self, *args, **kwargs):\n"
        '        kwargs["seed"] = 137\n        super().__init__(*args, **kwargs)\n',
    ),
    "a generator of its own": (
        INIT + "        draw = torch.Generator().manual_seed(137)\n"
        "        new = torch.randn(self.encoder.weight.shape, generator=draw)\n"
        "        self.encoder.weight.data = new / new.norm(dim=1, keepdim=True)\n",
        TRAINER,
    ),
}


@pytest.mark.parametrize("what", FIXED)
def test_a_seed_of_the_files_own_is_found_by_weights_that_start_alike(
    tried: Try, what: str
) -> None:
    body, trainer = FIXED[what]
    source = TOPK + SAE + body + trainer
    finding = found(tried(source), "fixed_seed")
    assert finding.line == line_of(source, "137") and "encoder.weight" in finding.message
    assert "where those of topk differ" in finding.message


def test_a_generator_that_draws_only_a_parameter_of_the_files_own_is_found_too(
    tried: Try,
) -> None:
    body = INIT + "        draw = torch.Generator().manual_seed(137)\n"
    body += "        self.gain = torch.nn.Parameter(torch.rand(dict_size, generator=draw))\n\n"
    body += "    def select(self, centred):\n"
    body += "        return keep_largest(self.scores(centred) * self.gain, int(self.k))\n"
    source = TOPK + SAE + body + TRAINER
    finding = found(tried(source), "fixed_seed")
    assert finding.message.startswith("gain:") and finding.line == line_of(source, "137")


PATHS = {
    "skip": (
        "SKIP = True\n",
        "        self.direct = torch.nn.Linear(activation_dim, activation_dim)\n\n"
        "    def skip(self, x):\n        return self.direct(x)\n",
    ),
    "decode": (
        'DECODER = "nonlinear"\n',
        "        self.bend = torch.nn.Linear(activation_dim, activation_dim)\n\n"
        "    def decode(self, f):\n        linear = super().decode(f)\n"
        "        return linear + self.bend(linear).tanh()\n",
    ),
}


def leaving_out(path: str) -> str:
    """Return a variant on BaseTopK with a path that its trainer's loss does not call."""
    declared, body = PATHS[path]
    return f"{TOPK.replace('K = 32', f'{declared}K = 32', 1)}{SAE}{INIT}{body}{TRAINER}"


def mended(source: str, finding: Complaint) -> str:
    """Return a source with the lines of a finding written into its last class."""
    assert "reconstruction(x, f)" in finding.instead and finding.write
    lines = "\n".join(f"    {line}" for line in finding.write.splitlines())
    return f"{source}\n{lines}\n"


@pytest.mark.child
def test_a_skip_that_the_loss_of_base_topk_leaves_out_is_refused_and_the_remedy_works(
    check: Check,
) -> None:
    source = leaving_out("skip")
    report = check(source)
    finding = found(report, "untrained_path")
    assert not report.ok and finding.line == line_of(source, "def skip"), report.text()
    assert (
        report.next.startswith("Fix the errors") and finding.write.splitlines()[1] in report.text()
    )
    report = check(mended(source, finding))
    assert report.ok and not report.findings, report.text()
    assert report.trial is not None and not report.trial.unmoved


def test_so_is_a_nonlinear_decode(tried: Try) -> None:
    source = leaving_out("decode")
    finding = found(tried(source), "untrained_path")
    assert finding.severity == "error" and finding.line == line_of(source, "def decode")
    report = tried(mended(source, finding))
    assert report.said is not None and not report.findings and not report.said.unmoved


def test_a_reconstruction_that_is_not_the_scored_one_is_named(tried: Try) -> None:
    source = mended(leaving_out("skip"), found(tried(leaving_out("skip")), "untrained_path"))
    wrong = source.replace("x - (self.ae.decode(f.dense()) +", "x - (self.ae.decode(f.dense()) -")
    finding = found(tried(wrong), "untrained_path")
    assert "differ by" in finding.message and finding.line == line_of(wrong, "def reconstruction")
    assert not tried(source).findings


def test_a_skip_that_another_loss_leaves_out_is_refused_as_well(tried: Try) -> None:
    declared = STANDARD.replace("L1_PENALTY", "SKIP = True\nL1_PENALTY", 1)
    init = INIT.replace(", k=K", "").replace(", k)", ")")
    source = f"{declared}{init}{PATHS['skip'][1]}\n\nclass CustomTrainer(BaseTrainer):\n"
    source += "    def loss(self, x, step, logging=False, **kwargs):\n"
    source += "        x_hat = self.ae.decode(self.ae.encode(x))\n"
    source += "        return (x - x_hat).pow(2).sum(dim=-1).mean()\n"
    finding = found(tried(source), "untrained_path")
    assert finding.line == line_of(source, "def skip") and "self.ae.skip(x)" in finding.write


LATE = TRAINER + "\n    def prepare(self, x):\n"
LINES = {
    "a parameter that prepare makes": (
        INIT,
        f"{LATE}        self.ae.late = torch.nn.Parameter(x.mean(dim=0))\n",
        "self.ae.late",
    ),
    "a parameter that prepare replaces": (
        INIT,
        f"{LATE}        self.ae.b_dec = torch.nn.Parameter(x.mean(dim=0))\n",
        "self.ae.b_dec =",
    ),
    "an input that is changed in place": (
        INIT + "\n    def encode(self, x):\n        x -= self.b_dec\n"
        "        return self.select(x).dense()\n",
        TRAINER,
        "x -= ",
    ),
    "a gradient that is broken in place": (
        INIT + "\n    def select(self, centred):\n        a = self.scores(centred).exp()\n"
        "        kept = keep_largest(a, int(self.k))\n        a[:, 0] = 1.0\n        return kept\n",
        TRAINER,
        "a[:, 0]",
    ),
}


@pytest.mark.parametrize("what", LINES)
def test_the_line_at_fault_is_named(tried: Try, what: str) -> None:
    body, trainer, text = LINES[what]
    source = TOPK + SAE + body + trainer
    errors = tried(source).errors
    assert [one.line for one in errors] == [line_of(source, text)], errors


@pytest.mark.child
def test_a_variant_that_ends_the_trial_is_told_that_parts_are_missing(check: Check) -> None:
    # The first child does 6 steps, so this passes there.
    loss = "\n    def penalty(self, x, f, step):\n        if step > 9:\n"
    beyond = "numpy.lib.stride_tricks.as_strided(numpy.ones(1), (2**40,), (8,))[2**39]"
    report = check(
        f"{PLAIN}{loss}            import numpy\n            {beyond}\n        return 0.0\n"
    )
    assert "process ended" in found(report, "trial").message and report.comparison is None


def test_a_parent_that_does_not_exist_is_an_error_that_names_a_likely_one(
    sandbox: Sandbox,
) -> None:
    source = PLAIN.replace('"topk"', '"tokp"')
    (sandbox.variants / "mine.py").write_text(source, encoding="utf-8")
    report = check_variant(sandbox, "mine", LEVEL)
    finding = found(report, "parent")
    assert not report.ok and finding.line == line_of(source, "PARENT")
    assert "Did you mean 'topk'" in finding.message


def test_a_parent_that_cannot_run_is_a_warning_and_the_rest_is_said(
    tried: Try, sandbox: Sandbox
) -> None:
    broken = f"{TOPK}{SAE}{INIT}\n    def select(self, centred):\n        return 1 / 0\n{TRAINER}"
    (sandbox.variants / "broken.py").write_text(broken, encoding="utf-8")
    report = tried(PLAIN.replace('"topk"', '"broken"'))
    assert not report.errors and "ZeroDivisionError" in found(report, "parent").message
    assert report.said is not None and report.said.l0 == 32


ROOT = Path(__file__).resolve().parents[3]
HONEST = sorted((ROOT / "tests" / "redteam" / "honest").glob("*.py"))
EXAMPLES = sorted((ROOT / "examples" / "variants").glob("*.py"))


# Its weights are computed, not drawn, as the remedy says.
START_ALIKE = {"split_identity"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", [*HONEST, *EXAMPLES], ids=lambda path: path.stem)
def test_no_honest_file_is_refused(tried: Try, path: Path) -> None:
    report = tried(path.read_text(encoding="utf-8"))
    rules = {one.rule for one in report.findings}
    assert not report.errors, report.errors
    assert not {"knob", "unused", "untrained_path", "trial"} & rules, report.findings
    assert ("fixed_seed" in rules) == (path.stem in START_ALIKE), report.findings
