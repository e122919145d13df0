"""Subjects: the language models whose activations are studied, by name.

`describe_subject` reads only a config.json and does not import torch. It returns a subject's
identity, its number of layers and how to get it. `loading` and `synthetic` import torch.
"""

from fumehood_tools.subjects.catalogue import SubjectInfo, describe_subject, known_subjects
from fumehood_tools.subjects.sites import hook_name

__all__ = ["SubjectInfo", "describe_subject", "hook_name", "known_subjects"]
