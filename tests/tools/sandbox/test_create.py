"""Creating, opening and listing sandboxes."""

import re
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import tomlkit

from fumehood_tools.errors import AlreadyExists, BadRequest, StorageFailed, UnknownName
from fumehood_tools.kinds import SAE, template_folder
from fumehood_tools.sandbox.create import (
    Sandbox,
    create_sandbox,
    list_sandboxes,
    open_sandbox,
    tampered_core,
)
from fumehood_tools.settings import Settings
from fumehood_tools.spec import SandboxSpec, read_spec


def test_a_new_sandbox_holds_the_rules_the_settings_the_core_and_the_baselines(
    settings: Settings,
) -> None:
    box = create_sandbox(settings, "first")
    for name in ("README.md", "AGENTS.md", "sandbox.toml", "core/base.py", "variants/topk.py"):
        assert (box.folder / name).is_file(), name
    assert box.results.is_dir()
    assert box.spec == SandboxSpec()
    assert open_sandbox(settings, "first") == box
    assert list_sandboxes(settings) == ["first"]
    assert not list(box.folder.rglob("__pycache__"))


def test_the_templates_settings_are_the_defaults_and_each_has_a_comment() -> None:
    path = template_folder(SAE) / "sandbox.toml"
    assert read_spec(path) == SandboxSpec()
    text = path.read_text(encoding="utf-8")
    written = tomlkit.parse(text).unwrap()
    assert written == SandboxSpec().model_dump(mode="json")
    settings = [line for line in text.splitlines() if re.match(r"\w+ = ", line)]
    assert len(settings) >= 20
    assert all("#" in line for line in settings)


def test_chosen_settings_are_written_and_the_comments_stay(settings: Settings) -> None:
    box = create_sandbox(
        settings, "mine", layer=3, site="mlp_out", dict_size=2048, train_tokens=50_000, seeds=[1, 2]
    )
    assert box.spec.subject.layer == 3
    assert box.spec.subject.site == "mlp_out"
    assert box.spec.training.seeds == (1, 2)
    text = (box.folder / "sandbox.toml").read_text(encoding="utf-8")
    assert "dict_size = 2048    # latents in the dictionary (F)" in text
    assert text.count("#") == (template_folder(SAE) / "sandbox.toml").read_text().count("#")


def test_the_synthetic_subject_gets_the_layer_and_corpus_that_fit(sandbox: Sandbox) -> None:
    assert (sandbox.spec.subject.layer, sandbox.spec.corpus.name) == (0, "synthetic")


def test_a_sandbox_is_never_overwritten(settings: Settings, sandbox: Sandbox) -> None:
    mine = sandbox.variants / "mine.py"
    mine.write_text("# work of days", encoding="utf-8")
    with pytest.raises(AlreadyExists, match="choose another name"):
        create_sandbox(settings, "box")
    assert mine.read_text(encoding="utf-8") == "# work of days"


@pytest.mark.parametrize("name", ["", "../up", "Upper", "a b", "-x", "a" * 65, "x/y", ".hidden"])
def test_names_that_are_no_folder_names_are_refused(settings: Settings, name: str) -> None:
    with pytest.raises(BadRequest, match="lower case"):
        create_sandbox(settings, name)
    assert not settings.sandboxes.exists()


def test_a_request_that_cannot_be_right_leaves_nothing_behind(settings: Settings) -> None:
    with pytest.raises(UnknownName, match="smollm2-135m"):
        create_sandbox(settings, "a", subject="smollm3")
    with pytest.raises(BadRequest, match="0 to 29"):
        create_sandbox(settings, "b", layer=99)
    with pytest.raises(BadRequest, match="dict_size"):
        create_sandbox(settings, "c", dict_size=1)
    for seeds in ([-1], [0, 2**32]):
        with pytest.raises(BadRequest, match="seeds"):
            create_sandbox(settings, "s", seeds=seeds)
    for tokens in ("train_tokens", "eval_tokens"):
        with pytest.raises(BadRequest, match=tokens):
            create_sandbox(settings, "t", **{tokens: 10**12})
    with pytest.raises(UnknownName, match="mixed"):
        create_sandbox(settings, "d", corpus="no-such-corpus")
    with pytest.raises(BadRequest, match="synthetic"):
        create_sandbox(settings, "e", subject="synthetic", corpus="sotu")
    assert list_sandboxes(settings) == []


def test_a_local_corpus_is_written_down_as_an_absolute_path(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "text.txt").write_text("words", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert create_sandbox(settings, "a", corpus="text.txt").spec.corpus.name == str(
        tmp_path / "text.txt"
    )


def test_a_folder_that_cannot_be_written_leaves_nothing_half_made(settings: Settings) -> None:
    settings.workspace.mkdir()
    settings.sandboxes.write_text("a file where a folder should be", encoding="utf-8")
    with pytest.raises(StorageFailed, match="Making the sandbox"):
        create_sandbox(settings, "a")


@pytest.mark.child
@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
def test_a_write_that_fails_half_way_leaves_nothing_half_made(settings: Settings) -> None:
    program = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from fumehood_tools.errors import StorageFailed\n"
        "from fumehood_tools.sandbox.create import create_sandbox\n"
        "from fumehood_tools.settings import Settings\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))\n"
        "box = Settings(workspace=Path(sys.argv[1]), cache=Path(sys.argv[1]))\n"
        "try:\n"
        "    create_sandbox(box, 'a')\n"
        "except StorageFailed as error:\n"
        "    print('told:', error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(settings.workspace)],
        env={"PYTHONPATH": ":".join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "told:" in done.stdout, done.stderr
    assert list(settings.sandboxes.iterdir()) == []


def test_of_creators_of_one_name_at_once_exactly_one_succeeds_and_its_sandbox_is_whole(
    settings: Settings,
) -> None:
    together = threading.Barrier(6)

    def create() -> Sandbox | AlreadyExists:
        together.wait()
        try:
            return create_sandbox(settings, "one")
        except AlreadyExists as refusal:
            return refusal

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(lambda _: create(), range(6)))
    assert sum(isinstance(outcome, Sandbox) for outcome in outcomes) == 1
    whole = create_sandbox(settings, "other").folder
    files = {path.relative_to(whole) for path in whole.rglob("*")}
    made = settings.sandboxes / "one"
    assert {path.relative_to(made) for path in made.rglob("*")} == files
    assert sorted(path.name for path in settings.sandboxes.iterdir()) == ["one", "other"]


def test_what_a_killed_creation_left_is_not_listed_and_goes_away(settings: Settings) -> None:
    leftover = settings.sandboxes / ".creating-a.xyz"
    shutil.copytree(template_folder(SAE), leftover)
    assert list_sandboxes(settings) == []
    create_sandbox(settings, "a")
    assert not leftover.exists()


def test_unknown_sandboxes_and_variants_name_what_is_there(
    settings: Settings, sandbox: Sandbox
) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'box'.*create_sandbox"):
        open_sandbox(settings, "bok")
    with pytest.raises(UnknownName, match="Did you mean 'topk'.*list_variants"):
        sandbox.variant_path("topc")
    with pytest.raises(UnknownName):
        sandbox.variant_path("../core/base")
    assert sandbox.variant_path("topk.py") == sandbox.variant_path("topk")


def test_damaged_settings_name_the_key(settings: Settings, sandbox: Sandbox) -> None:
    path = sandbox.folder / "sandbox.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("lr = ", "learning = "), "utf-8")
    with pytest.raises(BadRequest, match="learning"):
        open_sandbox(settings, "box")


def test_a_changed_core_is_reported(sandbox: Sandbox) -> None:
    assert tampered_core(sandbox) == []
    (sandbox.folder / "core" / "train.py").write_text("print('mine')", encoding="utf-8")
    (sandbox.folder / "core" / "base.py").unlink()
    (sandbox.folder / "core" / "extra.py").write_text("", encoding="utf-8")
    assert tampered_core(sandbox) == ["core/base.py", "core/extra.py", "core/train.py"]


def test_a_changed_kernel_is_reported_with_its_folder(sandbox: Sandbox) -> None:
    kernels = sandbox.folder / "core" / "kernels"
    (kernels / "products.py").write_text("print('mine')", encoding="utf-8")
    (kernels / "adam.py").unlink()
    (kernels / "more").mkdir()
    (kernels / "more" / "extra.py").write_text("", encoding="utf-8")
    assert tampered_core(sandbox) == [
        "core/kernels/adam.py",
        "core/kernels/more/extra.py",
        "core/kernels/products.py",
    ]
