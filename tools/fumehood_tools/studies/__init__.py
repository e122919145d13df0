"""Studies: the notebook of a research question, written as signed records that only grow.

entries.py   what each kind of entry contains
notebook.py  open a study, append an entry, read all entries with what is wrong with them
view.py      one page of a study, as text and data
"""
