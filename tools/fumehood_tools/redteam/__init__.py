"""The red team: variants that cheat, run through the real pipeline, and what caught each of them.

    cases.py     the variants of tests/redteam and its manifest, with their placeholders filled in
    world.py     what a cheat may not change: files, processes, ports, secrets
    listeners.py a listener that must hear nothing
    driver.py    the job, one variant at a time, in a process of its own
    suite.py     drives the driver, one cheat after another
    watch.py     looks at the world after every cheat
    words.py     what a child says and somebody might take for a fact
    verdicts.py  caught or not; compared with what honest variants reach at the same L0
    report.py    lines and tables

A cheat knows where everything is. Static rules are off for cheats (they are advice; the wall must
hold) and on for honest variants. Needs some 300 MB of disk and at most ten minutes on two cores.
The cheats are bounded so that a hole in the glass hurts nobody: they write only into folders that
the suite made, fork at most some 250 sleepers of 20 s and stop at a few gigabytes.
"""

from fumehood_tools.redteam.cases import Case, load_cases
from fumehood_tools.redteam.report import Report, table
from fumehood_tools.redteam.suite import run_redteam
from fumehood_tools.redteam.verdicts import CaseResult

__all__ = ["Case", "CaseResult", "Report", "load_cases", "run_redteam", "table"]
