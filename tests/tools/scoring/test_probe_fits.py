"""Our fits of probes give the accuracies of sae-bench's own function, to the last digit."""

import json
import os
import subprocess
import sys

import pytest

BOTH = """
import contextlib, io, json
from fumehood_tools.subjects.stubs import stub_unused
stub_unused()
import torch
from sae_bench.evals.sparse_probing.probe_training import train_probe_on_activations
from fumehood_tools.scoring.probe_fits import best_latents, fit_probes, logistic

torch.set_num_threads(1)

def texts(count, classes):
    centre = torch.randn(classes, 1, 90) * (torch.rand(classes, 1, 90) < 0.2)
    rows = (torch.randn(classes, count, 90) + 0.4 * centre).clamp(min=0)
    return {str(name): part for name, part in enumerate(rows)}

PROBES = [({"use_sklearn": True}, logistic)]
PROBES += [({"select_top_k": k}, best_latents(k)) for k in (1, 2, 5)]
theirs, ours = [], []
for classes in (2, 5):
    torch.manual_seed(classes)
    both = texts(210, classes)
    sides = [{name: f[a:b] for name, f in both.items()} for a, b in ((0, 140), (140, 210))]
    torch.manual_seed(42)
    with contextlib.redirect_stdout(io.StringIO()):
        theirs += [train_probe_on_activations(*sides, **how)[1] for how, _ in PROBES]
    torch.manual_seed(42)
    with torch.no_grad():
        ours += [fit_probes(*sides, fit) for _, fit in PROBES]
print(json.dumps([theirs, ours]))
"""


@pytest.mark.child
def test_probes_have_the_accuracies_of_sae_bench_to_the_last_digit() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    environment["JAXTYPING_DISABLE"] = "1"
    command = [sys.executable, "-W", "ignore", "-c", BOTH]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    theirs, ours = json.loads(done.stdout)
    assert ours == theirs
    every = {accuracy for classes in theirs for accuracy in classes.values()}
    assert len(every) > 12 and 0.55 < max(every) < 1, "these cases are too alike to show much"
