"""The comparing child: `python -m fumehood_tools.compare question.json` prints the answer."""

import sys
import warnings
from pathlib import Path

from fumehood_tools.compare.judge import Judge
from fumehood_tools.compare.question import Question

if __name__ == "__main__":
    # Of pairs that hardly differ: scipy says that precision is lost, and p is what it is.
    warnings.simplefilter("ignore", RuntimeWarning)
    asked = Question.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
    print(Judge(asked).answer().model_dump_json())
