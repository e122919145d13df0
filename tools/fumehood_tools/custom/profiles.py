"""What the two children of a custom sandbox can read."""

import functools
from pathlib import Path

from fumehood_tools.glass import SAE, GlassProfile
from fumehood_tools.guides.closure import files_of

INSIDE = Path(__file__).with_name("inside")
PRODUCE, EVALUATE = "fumehood_custom.produce", "fumehood_custom.evaluate"
_OWN = (INSIDE / "fumehood_custom",)

VARIANT = GlassProfile(
    packages=SAE.packages,
    import_path=(INSIDE,),
    preload=("torch", "safetensors.torch", PRODUCE),
    readable=_OWN,
    loaded_early=("torch", "numpy"),
)
"""The profile of the child that runs a variant. It sees no subject and no evaluation."""


@functools.cache
def evaluation() -> GlassProfile:
    """Return the profile of the child that evaluates: it can load language models, too."""
    return GlassProfile(
        import_path=(INSIDE,),
        preload=("torch", "safetensors.torch", "transformers", EVALUATE),
        readable=(*_OWN, *files_of(frozenset(["torch", "safetensors", "transformers"]))),
    )
