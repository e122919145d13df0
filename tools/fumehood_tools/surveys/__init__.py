"""Surveys of Python packages: their public API, snippets, files and changes, read without running.

`surveying` makes and keeps surveys, and has `changed_names`: what became of the names of one
version in another. `paging` chooses what one page shows. The other modules read, in a child process
that starts fast because this package imports nothing by itself. What a package contains is
untrusted text.
"""
