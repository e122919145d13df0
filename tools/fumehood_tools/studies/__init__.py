"""Studies: the notebook of a research question, written as signed records that only grow.

entries.py   what each kind of entry contains
notebook.py  open a study, append an entry, read all entries with what is wrong with them
view.py      one page of a study, as text and data
references/  what a report or a reflection may cite, found in signed records
prose.py     text with references: find typed numbers and verdicts
reflecting.py  an insight with evidence that was checked
report/      the report of a study
archive/     a study as one file that a stranger verifies
"""
