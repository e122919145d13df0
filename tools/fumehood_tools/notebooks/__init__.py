"""Notebooks as scripts: plain Python from .ipynb, for reading and for running.

`to_script` turns the text of a notebook of any format into a script that compiles, needs no
IPython, and says line by line what it could not carry over. Nothing of the notebook is run by it.
The script itself does what the notebook's code does: run it only where that may happen.
"""

from fumehood_tools.notebooks.convert import to_script
from fumehood_tools.notebooks.script import NotCarried, Script

__all__ = ["NotCarried", "Script", "to_script"]
