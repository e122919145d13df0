"""The sandbox wing: create a sandbox, check a variant, train and benchmark several."""

from fumehood.instructions import Guidance, Sentence
from fumehood.wings.wing import Command, Wing
from fumehood_tools.wings import table

WING = Wing(
    name="sandbox",
    door="fumehood.doors.sandbox",
    tools=("create_sandbox", "list_variants", "check_variant", "run_variants", "validate_sandbox"),
    guidance=Guidance(
        introduction=(
            Sentence(
                "Train and benchmark SAEs or transcoders. You write variants; only this server "
                "scores.",
                ("run_variants",),
            ),
        ),
        purposes=(
            Sentence("to test whether it beats a baseline", ("run_variants", "compare_variants")),
            Sentence("to reproduce a paper's SAE variants", ("run_variants",)),
        ),
        steps={
            "prepare": (
                Sentence(
                    "create_sandbox: a folder with AGENTS.md (the rules) and core/ to read.",
                    ("create_sandbox",),
                ),
                Sentence(
                    "Write variants/<name>.py there: class CustomSAE.",
                    ("create_sandbox",),
                ),
                Sentence("list_variants lists them.", ("list_variants",)),
            ),
            "check": (
                Sentence(
                    "check_variant names the line that breaks a rule. Repeat until it passes.",
                    ("check_variant",),
                ),
            ),
            "run": (
                Sentence(
                    "run_variants returns a job_id at once. All variants and seeds are one job.",
                    ("run_variants",),
                ),
            ),
        },
        rules=(
            Sentence(
                "Never edit core/ or results/: runs use the packaged copy, and a changed result is "
                "refused.",
                ("run_variants",),
            ),
        ),
    ),
    commands=(
        Command(
            "demo", "train and plot five SAEs, as an agent would (about 4 minutes)", "fumehood.demo"
        ),
        Command(
            "sandbox",
            "accept changed sealed files of a sandbox, after a question",
            "fumehood.sandbox",
            group="check",
        ),
    ),
    declared=table.SANDBOX,
)
