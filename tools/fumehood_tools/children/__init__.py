"""Start trusted child processes: what they inherit, how they communicate, and how they end.

There are two kinds. `ask_once` starts a child, sends it one request and returns its answer, with
limits on time and memory. `LineChild` is a child that lives as long as a job and exchanges JSON
lines with it. `our_environment` is the environment that every trusted child gets.

Code that a model wrote never runs in these children; it runs behind the glass
(fumehood_tools.glass). Starting the interpreter takes about 0.1 s, plus the imports.
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
