"""Studies: the notebook of a research question, written as signed records that only grow.

entries.py   what each kind of entry contains
notebook.py  open a study, append an entry, read all entries with what is wrong with them
background.py  the background of a new study, with its quotations checked
following.py  the call that helps a study most as it stands
view.py      one page of a study, as text and data
told.py      each kind of entry in words
lab.py       what the work on a study reads of a workspace, at one moment
drawing.py   fresh seeds, drawn at random
plans.py     register a plan, with fresh seeds and its power
prereg.py    a plan as a document for people
running.py   start the job of a plan
matching.py  which scores belong to a plan
claims.py    turn scored points into claims, by the comparison's words
judging.py   the conclusion about a plan
exploring.py the conclusion about scores that no plan foresaw
missing.py   the controls that a conclusion lacks
counting.py  further plans about a file, which are tries
spending.py  what plans and studies have spent, and their budgets
references/  what a report or a reflection may cite, found in signed records
prose.py     text with references: find typed numbers and verdicts
reflecting.py  an insight with evidence that was checked
report/      the report of a study
archive/     a study as one file that a stranger verifies
holdout/     test a verdict on documents, layers and subjects that the study never saw
"""
