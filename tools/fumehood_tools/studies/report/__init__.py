"""Reports of a study: fixed parts, numbers only by reference, as Markdown and as one HTML file.

markdown.py     tables, quoted text and code in Markdown
facts.py        everything that a report rests on, checked: entries, scores, failures
parts.py        what each part has besides the author's prose: plans, results, limitations, tries
code.py         the source of every variant by digest, and its difference from its parent
reproducing.py  the commands that repeat the study, versions, papers, the ledger's head
figures.py      metrics over L0, drawn from the same scores, with CSV and Vega-Lite
html.py         the same text as one HTML file without network
writing.py      check the prose, put in what the references say, and store the report
stored.py       a stored report, after its receipts were checked again
checking.py     whether the receipts of a report still say what it shows
"""
