"""Kinds of sandboxes: what distinguishes a sandbox about SAEs from one about transcoders."""

from fumehood_tools.kinds.catalogue import (
    CUSTOM,
    SAE,
    TRANSCODER,
    KindName,
    core_folder,
    kind_named,
    kinds,
    template_folder,
    template_root,
)
from fumehood_tools.kinds.kind import TRAINER_CLASS, Kind, SiteName

__all__ = [
    "CUSTOM",
    "SAE",
    "TRAINER_CLASS",
    "TRANSCODER",
    "Kind",
    "KindName",
    "SiteName",
    "core_folder",
    "kind_named",
    "kinds",
    "template_folder",
    "template_root",
]
