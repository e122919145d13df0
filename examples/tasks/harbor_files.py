"""Write the problems as Harbor tasks: `python examples/tasks/harbor_files.py FOLDER WHEEL`.

One folder per problem: task.toml, instruction.md, environment/ with its Dockerfile, and
tests/test.sh with the scorer, which Harbor uploads after the agent has ended (format:
https://www.harborframework.com/docs/tasks). WHEEL is fumehood's, from `pip wheel --no-deps .`.

The agent and the server share a container and its user, so an agent that reads the workspace's key
can sign scores. The truth of `planted` and `paper_ideas`, and the re-test of `own_variant`, do not
rest on that key; the score of `hunt` does, and such an agent can also run the SAE itself.
"""

import argparse
import shutil
from pathlib import Path

import tomlkit
from problems import HERE, IDEAS, PROBLEMS, Problem

MINUTES = {"planted": 60, "own_variant": 90, "paper_ideas": 240, "hunt": 60}
LOCK = HERE.parents[1] / "requirements.lock"
WORKSPACE = "/work"

DOCKERFILE = f"""FROM python:3.11-slim
RUN apt-get update && apt-get install -y --no-install-recommends bubblewrap g++ git \\
    && rm -rf /var/lib/apt/lists/*
COPY requirements.lock *.whl /tmp/
RUN pip install --no-cache-dir torch --index-url https://download.pytorch.org/whl/cpu \\
    && pip install --no-cache-dir --no-deps -r /tmp/requirements.lock /tmp/*.whl
COPY tasks /opt/problems/tasks
COPY variants /opt/problems/variants
RUN python /opt/problems/tasks/problems.py @PROBLEM@ {WORKSPACE} && rm -r /opt/problems
WORKDIR {WORKSPACE}
"""

TEST = f"""#!/bin/bash
mkdir -p /logs/verifier
python /tests/tasks/claims.py @PROBLEM@ {WORKSPACE} --reward /logs/verifier/reward.txt \\
    > /logs/verifier/score.json || echo -1 > /logs/verifier/reward.txt
"""


def task_toml(problem: Problem) -> str:
    """Return the configuration of a task."""
    server = {
        "name": "fumehood",
        "transport": "stdio",
        "command": "fumehood",
        "args": [
            *("serve", "--workspace", WORKSPACE),
            *(("--toolsets", "hunt,jobs") if problem.hunt else ()),
        ],
    }
    content = {
        "schema_version": "1.1",
        "task": {
            "name": f"fumehood/{problem.name.replace('_', '-')}",
            "description": problem.task.partition(". ")[0] + ".",
            "keywords": ["interpretability", "sparse autoencoders", "calibration"],
        },
        "metadata": {"category": "research", "score": "right claims minus wrong ones, -1 to 1"},
        "agent": {"timeout_sec": 60.0 * MINUTES[problem.name]},
        "verifier": {"timeout_sec": 3_900.0},
        "environment": {
            "build_timeout_sec": 1_800.0,
            "cpus": 2,
            "memory_mb": 8_192,
            "storage_mb": 20_480,
            "allow_internet": False,
            "mcp_servers": [server],
        },
    }
    return tomlkit.dumps(content)


def write(folder: Path, wheel: Path) -> None:
    """Write all tasks."""
    for name, problem in PROBLEMS.items():
        place = folder / name
        for part in ("environment", "tests"):
            shutil.copytree(HERE / "planted", place / part / "tasks/planted", dirs_exist_ok=True)
            shutil.copyfile(HERE / "problems.py", place / part / "tasks/problems.py")
        shutil.copyfile(HERE / "claims.py", place / "tests/tasks/claims.py")
        shutil.copytree(IDEAS, place / "environment/variants", dirs_exist_ok=True)
        shutil.copyfile(LOCK, place / "environment" / LOCK.name)
        shutil.copyfile(wheel, place / "environment" / wheel.name)
        files = {
            "task.toml": task_toml(problem),
            "instruction.md": f"{problem.task}\n\nThe workspace is {WORKSPACE}.\n",
            "environment/Dockerfile": DOCKERFILE.replace("@PROBLEM@", name),
            "tests/test.sh": TEST.replace("@PROBLEM@", name),
        }
        for path, text in files.items():
            (place / path).write_text(text, encoding="utf-8")
        (place / "tests/test.sh").chmod(0o755)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("wheel", type=Path)
    options = parser.parse_args()
    write(options.folder, options.wheel)
