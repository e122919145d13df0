"""Repositories of source code: where they are, their files at one commit, and what is left out.

Other packages read a repository only through a `Checkout`, whose files are plain files inside one
folder. They find, validate and pack repositories.
"""

from fumehood_tools.repositories.checkout import Checkout, LeftOut, local_checkout

__all__ = ["Checkout", "LeftOut", "local_checkout"]
