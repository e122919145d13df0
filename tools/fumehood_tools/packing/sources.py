"""The one place where packing asks for a checkout."""

from pathlib import Path

from fumehood_tools.errors import BadRequest
from fumehood_tools.repositories import Checkout, local_checkout
from fumehood_tools.settings import Settings


def checkout_of(source: str, settings: Settings) -> Checkout:
    """Return the checkout that a source names: a folder in the workspace, or an absolute path.

    Raises BadRequest.
    """
    if "\0" in source:
        raise BadRequest("A path cannot contain a NUL character. Pass a folder.")
    folder = settings.workspace / Path(source).expanduser()
    return local_checkout(folder, source)
