"""Whole studies that must end without a claim, or with one: agents' strategies against the judge.

pool.json    scores of real SAEs of the synthetic subject, trained once
pool.py      trains them again
records.py   writes scores of the pool into a workspace, with the evaluator's recorder
agents.py    the strategies: add seeds until something wins; look for the better one
run.py       repeats the studies and prints the figures of docs/studies.md
"""
