"""The benchmark tools: the table, the comparison and the plot of a sandbox."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Annotated

from mcp.types import CallToolResult
from pydantic import Field

from fumehood.doors.arguments import Cursor, SandboxName
from fumehood.doors.evaluating import register as register_evaluations
from fumehood.doors.records import shelf_of
from fumehood.doors.study_notebook import lab_of
from fumehood.tooling import Toolbox, answer, picture
from fumehood.views import BENCHMARKS, META_KEY, add_benchmarks_view
from fumehood_tools.bench.answer import TableAnswer, answer_of, significant
from fumehood_tools.bench.plot import MOST_PANELS
from fumehood_tools.bench.plot import plot_benchmarks as draw
from fumehood_tools.bench.plot_spec import EffectsSpec, PlotFile
from fumehood_tools.bench.table import read_benchmarks as read
from fumehood_tools.compare import Comparison, effects_of, usual_comparison
from fumehood_tools.compare import compare_variants as compare
from fumehood_tools.page import page_content, write_page
from fumehood_tools.registry.kinds import registered_metrics
from fumehood_tools.registry.metrics import Metric
from fumehood_tools.registry.sae_metrics import QUALITY
from fumehood_tools.runs.outcomes import going_on, missed_targets
from fumehood_tools.sandbox.create import Sandbox, open_sandbox

Variants = Annotated[
    list[str] | None,
    Field(
        description="Only these, and the untrained control; default: all",
        min_length=1,
        max_length=100,
    ),
]
SettingName = Annotated[
    str | None,
    Field(
        description="Another setting's name, from the table; default: the newest as in sandbox.toml"
    ),
]

BaselineName = Annotated[
    str,
    Field(
        description="To compare with. A packaged name means the packaged file, whatever is in "
        "variants/"
    ),
]


def register(toolbox: Toolbox) -> None:
    """Declare the benchmark tools."""
    _register_table(toolbox)
    _register_comparison(toolbox)
    _register_plot(toolbox)
    register_evaluations(toolbox)
    add_benchmarks_view(toolbox.apps)


def _keys(metrics: Iterable[Metric]) -> str:
    return ", ".join(metric.key for metric in metrics)


def _register_table(toolbox: Toolbox) -> None:
    columns = _keys(one for one in registered_metrics().values() if one.headline)
    orders = f"{columns}, train_seconds, or variant (A to Z)"

    @toolbox.tool(
        title="Read benchmarks",
        read_only=True,
        destructive=False,
        idempotent=True,
        open_world=False,
    )
    def read_benchmarks(
        sandbox: SandboxName,
        variants: Variants = None,
        sort: Annotated[str, Field(description=orders)] = QUALITY,
        details: Annotated[
            bool | None,
            Field(
                description="Every metric, one row per seed, rows for search tries; default: only "
                "for one variant"
            ),
        ] = None,
        setting: SettingName = None,
        limit: Annotated[
            int, Field(ge=1, le=100, description="Most rows; with details, also most seeds")
        ] = 20,
        cursor: Cursor = None,
    ) -> Annotated[CallToolResult, TableAnswer]:
        """Read the scores of a sandbox as a table, one row per variant. Use it after a run.

        Returns mean and spread over seeds of L0, explained variance (centered), loss recovered,
        sparse-probing accuracy and alive latents; `change` (did the variant do anything: active,
        weak, unclear, inert); failed runs with their messages; warnings. One table shows scores of
        one setting (data, sizes, evaluator). Compare at similar L0 only. A sparse-probing gain
        under 0.02, or any gain with 1 seed, is not a result.
        Next: plot_benchmarks, or run_variants with more seeds.
        """
        if (box := open_sandbox(toolbox.settings, sandbox)).spec.custom is not None:
            # Most servers never need it.
            from fumehood_tools.custom.table import custom_table, table_text

            own = custom_table(
                toolbox.settings,
                box,
                variants=variants,
                sort=sort,
                details=details,
                setting=setting,
                limit=limit,
                cursor=cursor,
            )
            if now := going_on(toolbox.jobs, sandbox):
                more = {"warnings": [now.said, *own.warnings], "next": now.next}
                own = own.model_copy(update=more)
            return answer(table_text(own), own, sparse=True)
        table = read(
            box.folder,
            variants=variants,
            sort=sort,
            limit=limit,
            cursor=cursor,
            setting=setting,
            details=details,
            shelf=shelf_of(toolbox),
        )
        if now := going_on(toolbox.jobs, sandbox):
            warnings = [now.said, *table.warnings]
            table = table.model_copy(update={"warnings": warnings, "next": now.next})
        return answer(table.text(), answer_of(table), sparse=True)


def _register_comparison(toolbox: Toolbox) -> None:
    judging = _keys(one for one in registered_metrics().values() if one.is_judged)
    judged = f"To judge by; others are only shown: {judging}"

    @toolbox.tool(
        title="Compare variants",
        read_only=True,
        destructive=False,
        idempotent=True,
        open_world=False,
    )
    def compare_variants(
        sandbox: SandboxName,
        variants: Annotated[
            list[str] | None,
            Field(description="Only these; default: all", min_length=1, max_length=100),
        ] = None,
        baseline: BaselineName = "topk",
        metric: Annotated[str, Field(description=judged)] = QUALITY,
        setting: SettingName = None,
    ) -> Annotated[CallToolResult, Comparison]:
        """Test which variants beat a baseline at the same L0. Use it before you say that one does.

        Interpolates the baseline at each variant's L0, pairs seeds, and corrects for all variants
        tried in this workspace. Returns per variant: better, worse, equal, undecided (why, and how
        many seeds would decide), not comparable or not trained here; difference with interval; p
        raw and corrected; whether the Pareto front moves. Needs 3 seeds, and the baseline at
        several L0: run_variants with l0_targets or grid. Next: see the answer.
        """
        if (box := open_sandbox(toolbox.settings, sandbox)).spec.custom is not None:
            # Most servers never need it.
            from fumehood_tools.custom.compare import compare_custom

            own = compare_custom(toolbox.settings, box, variants, baseline, metric, setting)
            return answer(own.text(), own.as_comparison())
        found = compare(
            box.folder,
            variants=variants,
            baseline=baseline,
            metric=metric,
            setting=setting,
            shelf=shelf_of(toolbox),
            missed=missed_targets(toolbox.jobs, sandbox),
            drawn=lab_of(toolbox).drawn_seeds(),
        )
        if now := going_on(toolbox.jobs, sandbox):
            # What its `next` asks for may be what is being run.
            warnings = [now.said, *found.warnings]
            found = found.model_copy(update={"warnings": warnings, "next": now.next})
        short = Comparison.model_validate(significant(found.model_dump()))
        return answer(found.text(), short.model_copy(update={"definitions": found.defined()}))


def _register_plot(toolbox: Toolbox) -> None:
    drawn = (
        "One panel each, such as probing or loss_recovered; default: explained_variance, "
        "probing_top5, and metrics from other evaluations of these SAEs"
    )

    @toolbox.tool(
        title="Plot benchmarks",
        read_only=False,
        destructive=False,
        idempotent=True,
        open_world=False,
        view=BENCHMARKS,
    )
    def plot_benchmarks(
        sandbox: SandboxName,
        variants: Variants = None,
        metrics: Annotated[
            list[str] | None, Field(description=drawn, min_length=1, max_length=MOST_PANELS)
        ] = None,
        setting: SettingName = None,
    ) -> CallToolResult:
        """Plot explained variance and sparse probing over L0, one point per variant.

        Use it to see the trade-off between sparsity and quality, and for reports. If topk was run,
        a panel shows each variant's difference from it, with its interval. Returns the picture, and
        the paths of PNG, SVG and CSV (in results/plots/; an older plot of the same selection is
        replaced) and of an HTML page for people with linked plots, table, training curves, receipts
        and sources. Next: read_benchmarks for exact numbers.
        """
        if (box := open_sandbox(toolbox.settings, sandbox)).spec.custom is not None:
            return _custom_plot(toolbox, box, variants, metrics, setting)
        folder, shelf = box.folder, shelf_of(toolbox)
        compare_once = cache(lambda: usual_comparison(folder, setting=setting, shelf=shelf))

        def effects() -> EffectsSpec | None:
            found = compare_once()
            drawn = found is not None and (metrics is None or found.metric in metrics)
            return effects_of(found, variants) if found and drawn else None

        plot = draw(
            folder,
            variants=variants,
            metrics=metrics,
            effects=effects,
            setting=setting,
            font_cache=toolbox.settings.cache / "matplotlib",
            shelf=shelf,
        )
        content = page_content(folder, setting=setting, shelf=shelf, compared=compare_once())
        page = write_page(folder, content)
        for_view = {META_KEY: content | {"saes": [], "sources": {}}}
        return picture(_plot_text(plot, page), plot.png, for_view)


def _custom_plot(
    toolbox: Toolbox,
    box: Sandbox,
    variants: list[str] | None,
    metrics: list[str] | None,
    setting: str | None,
) -> CallToolResult:
    """Draw, and write the page, of a sandbox with an evaluation of its own."""
    # Most servers never need it.
    from fumehood_tools.custom.page import custom_page
    from fumehood_tools.custom.plot import plot_custom, seen_of

    seen = seen_of(toolbox.settings, box, setting)
    plot = plot_custom(
        toolbox.settings, box, variants=variants, metrics=metrics, setting=setting, seen=seen
    )
    content = custom_page(toolbox.settings, box, seen)
    page = write_page(box.folder, content)
    for_view = {META_KEY: content | {"saes": [], "sources": {}}}
    return picture(_plot_text(plot, page), plot.png, for_view)


def _plot_text(plot: PlotFile, page: Path) -> str:
    lines = [plot.text, f"PNG ({plot.width} x {plot.height}): {plot.png}"]
    lines += [f"SVG: {plot.svg}", f"CSV: {plot.csv}"]
    names = ", ".join([f"{plot.png.stem}-1", *(f"-{n}" for n in range(2, plot.panels + 1))])
    lines.append(f"each panel as a separate figure: {names} (PNG and SVG)")
    lines.append(f"page ({page.stat().st_size / 1e3:,.0f} kB, opens in any browser): {page}")
    if plot.unlabelled:
        lines.append(f"names that did not fit: {', '.join(plot.unlabelled)} (see the CSV)")
    return "\n".join([*lines, "Next: read_benchmarks for exact numbers."])
