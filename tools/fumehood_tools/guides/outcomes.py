"""The classes of a block that was run, and what each means to a reader."""

from typing import Literal

Outcome = Literal[
    "passed",
    "deprecated",
    "silently_none",
    "wrong_output",
    "api_changed",
    "missing_dependency",
    "context_missing",
    "needs_network",
    "needs_gpu",
    "needs_input",
    "needs_process",
    "timed_out",
    "out_of_memory",
    "too_much_output",
    "writes_outside",
    "killed",
    "not_python",
    "after_failure",
    "not_run",
    "failed",
]

GOOD: tuple[Outcome, ...] = ("passed", "deprecated")
"""The classes of blocks that do what the guide says."""

MEANING: dict[Outcome, str] = {
    "passed": "It ran, and printed what the guide says where it says so",
    "deprecated": "It ran, and was told that something it uses will be removed",
    "silently_none": "It ran, but a value that it takes from a library is None or empty",
    "wrong_output": "It ran, but printed or computed something else than the guide says",
    "api_changed": "It uses a name or an argument that this version does not have",
    "missing_dependency": "It imports a package that the environment does not have",
    "context_missing": "It uses a name, file or variable that nothing before it in the task makes",
    "needs_network": "It failed after it tried to reach the network, which is off",
    "needs_gpu": "It needs a GPU, which the check does not offer",
    "needs_input": "It waits for something to be typed",
    "needs_process": "It failed after it tried to start another process, which is not allowed",
    "timed_out": "It did not end in time",
    "out_of_memory": "It used more memory than allowed",
    "too_much_output": "It printed or wrote more than allowed",
    "writes_outside": "It tried to write or delete files outside its own folder",
    "killed": "It ended its Python interpreter",
    "not_python": "It is not valid Python",
    "after_failure": "It uses a name that an earlier block, which failed, should have made",
    "not_run": "It was not run",
    "failed": "It raised an error that belongs to none of the other classes",
}

REMEDY: dict[Outcome, str] = {
    "passed": "",
    "deprecated": "Replace what the warning names before the next version removes it.",
    "silently_none": "Do not use that value; look up in the package what replaced it.",
    "wrong_output": "Compare the block with the package's current behavior, then correct one.",
    "api_changed": "Replace it by the current name, or use the version that the guide is for.",
    "missing_dependency": "Install the package in the environment, or drop the block.",
    "context_missing": "Put the missing import, definition or file into the same task.",
    "needs_network": "Build a tiny model or data set in the block, or mark it as online only.",
    "needs_gpu": "Make the device a variable with the CPU as default.",
    "needs_input": "Assign the value in the block instead of asking for it.",
    "needs_process": "Call the library in the same process (num_workers=0).",
    "timed_out": "Use fewer steps or a smaller model, or pass a larger block_seconds.",
    "out_of_memory": "Use a smaller model or batch.",
    "too_much_output": "Print a summary.",
    "writes_outside": "Write to the working folder or a temporary folder.",
    "killed": "Remove what ends the process.",
    "not_python": "Fence shell commands as bash, and complete fragments.",
    "after_failure": "Repair the earlier block first.",
    "not_run": "Repair the block that ended the run, then check again.",
    "failed": "Read the error, then repair the block.",
}
