"""The bench wing: read, compare, plot and verify benchmark scores."""

from fumehood.instructions import Guidance, Sentence
from fumehood.wings.wing import Command, Wing

WING = Wing(
    name="bench",
    door="fumehood.doors.bench",
    tools=("read_benchmarks", "compare_variants", "plot_benchmarks", "run_evaluations"),
    guidance=Guidance(
        purposes=(Sentence("to plot sparsity against quality", ("plot_benchmarks",)),),
        steps={
            "judge": (
                Sentence("read_benchmarks shows the scores.", ("read_benchmarks",)),
                Sentence("plot_benchmarks draws them.", ("plot_benchmarks",)),
                Sentence("Trust no number with fewer than three seeds.", ("read_benchmarks",)),
                Sentence(
                    "Trust no difference unless compare_variants confirms it.",
                    ("compare_variants",),
                ),
            ),
        },
    ),
    commands=(
        Command(
            "verify",
            "check that every stored score is as it was measured",
            "fumehood.verify",
            group="check",
        ),
        Command(
            "redteam",
            "run known cheats against the evaluator (minutes)",
            "fumehood.redteam",
            group="develop",
            in_workspace=False,
        ),
    ),
)
