"""Surveys of Python packages: their public API, snippets, files and changes, read without running.

Other packages ask `Surveys` for a survey of one version, and `changed_names` for what became of the
names of one version in another. What a package contains is untrusted text.
"""

from fumehood_tools.surveys.models import ApiObject, Change, Changes, Snippet, Survey
from fumehood_tools.surveys.surveying import Surveys, changed_names

__all__ = ["ApiObject", "Change", "Changes", "Snippet", "Survey", "Surveys", "changed_names"]
