"""Start trusted child processes of our own: what they inherit, how they are asked, how they end.

Two shapes: `ask_once` starts a child, hands it one request and returns its one answer, within
limits on time and memory; `LineChild` is a child that lives as long as a job and is asked in JSON
lines. `our_environment` is what any child of ours gets, whoever starts it.

Code that a model wrote never runs in these children: the glass (fumehood_tools.glass) is for that.
A start of the interpreter costs about 0.1 s, imports come on top.
"""

from fumehood_tools.children.answering import ReportProgress, answer_once
from fumehood_tools.children.asking import ChildTask, ask_once
from fumehood_tools.children.environment import HUB_KEYS, import_path, our_environment, python
from fumehood_tools.children.line_child import ChildEnded, LineChild

__all__ = [
    "HUB_KEYS",
    "ChildEnded",
    "ChildTask",
    "LineChild",
    "ReportProgress",
    "answer_once",
    "ask_once",
    "import_path",
    "our_environment",
    "python",
]
