"""Subjects: the language models that are looked into, by name.

`describe_subject` is light (it reads a config.json, never imports torch): what a subject is, which
layers it has and how to get it. `loading` and `synthetic` are heavy: they import torch.
"""

from fumehood_tools.subjects.catalogue import SubjectInfo, describe_subject, known_subjects
from fumehood_tools.subjects.sites import hook_name

__all__ = ["SubjectInfo", "describe_subject", "hook_name", "known_subjects"]
