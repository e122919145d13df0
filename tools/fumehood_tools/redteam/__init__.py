"""The red team: run variants that cheat through the real pipeline and report what caught them.

    cases.py     loads the variants and the manifest in tests/redteam, and fills in placeholders
    bench.py     creates the workspace, the sandboxes and the secrets of a run
    world.py     compares files, processes and secrets before and after a cheat
    listeners.py listens on sockets that no cheat may reach
    driver.py    runs the job, one variant at a time, in a separate process
    suite.py     controls the driver, one cheat after another
    watch.py     looks for side effects after every cheat
    words.py     looks for false claims of a child that could be mistaken for facts
    verdicts.py  decides whether a cheat was caught, by comparison with honest variants at equal L0
    report.py    formats lines and tables
    evaluation_*.py  the same for evaluations that cheat: cases, bench and its process, suite

Cheats know where everything is. The static rules are on for honest variants and off for cheats,
because they are only advice and the isolation must work without them. A run needs about 300 MB of
disk and at most ten minutes on two cores. Cheats must do no harm even if the glass fails: they
write only into folders that the suite created, start at most about 250 processes, which sleep for
20 s, and use at most a few gigabytes.
"""

from fumehood_tools.redteam.cases import Case, load_cases
from fumehood_tools.redteam.evaluation_cases import EvaluationCase, load_evaluations
from fumehood_tools.redteam.evaluation_suite import run_evaluations
from fumehood_tools.redteam.report import Report, joined, table
from fumehood_tools.redteam.suite import run_redteam
from fumehood_tools.redteam.verdicts import CaseResult

__all__ = [
    "Case",
    "CaseResult",
    "EvaluationCase",
    "Report",
    "joined",
    "load_cases",
    "load_evaluations",
    "run_evaluations",
    "run_redteam",
    "table",
]
