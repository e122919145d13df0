"""Suggestions: what to try next in a study, from what was measured in the whole workspace.

answer.py       one suggestion, and a page of them, as text and data
board.py        everything that was tried in the workspace, as it is read for one answer
suggest.py      the five parts, put together
proposals.py    values for a variant's constants, in the bounds of ranges.py
sampling.py     the child process with Optuna that chooses them
candidates.py   the most informative next experiments, ranked by chances.py and costs.py
similar.py      what resembles an idea: by text, by code (code.py), by trained weights (decoders.py)
matching.py     the child process that compares decoders
failures.py     what failed and why
hints.py        one starting direction per agent, dealt from axes.py

Nothing is stored: each answer is computed from signed records. The server's process imports neither
numpy nor Optuna; what needs them runs in a child.
"""
