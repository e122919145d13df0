"""Check whether a repository is the code of a paper: evidence with file and line, score, class.

Nothing of the repository is ever run. Files of tests, data, vendored and generated code do not
count. `validate` returns a `Validation`; `ranking.method_ranking` names the files that implement
the paper's method.
"""
