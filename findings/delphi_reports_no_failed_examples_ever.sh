#!/usr/bin/env bash
# eai-delphi 0.1.3: the fraction of failed examples that is reported beside the scores is 0, however many answers of
# the scoring model could not be read.
#
# Expected: failed_count is the number of examples without a prediction, and "Average fraction of failed examples" is
# their share.
# Found: examples without a prediction are removed first, the rest is counted as the total, and failed_count is the
# number of the rest minus that total. With 60 of 100 answers missing it is 0, and accuracy and F1 of the other 40
# stand beside it as if they were those of all.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
pip torch==2.13.0 numpy pandas plotly orjson scikit-learn
pip --no-deps eai-delphi==0.1.3
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import pandas
from delphi.log.result_analysis import get_agg_metrics

rows = [
    {
        "score_type": "detection", "module": "layers.0", "latent_idx": 0, "activating": number % 2 == 0,
        "prediction": None if number < 60 else float(number % 2 == 0), "probability": None,
    }
    for number in range(100)
]
row = get_agg_metrics(pandas.DataFrame(rows), None).iloc[0]
missing = sum(one["prediction"] is None for one in rows)
print(
    f"eai-delphi {version('eai-delphi')}: of 100 examples {missing} have no prediction; "
    f"failed_count {row.failed_count}, total_examples {row.total_examples}, "
    f"accuracy {row.accuracy:.2f}, F1 {row.f1_score:.2f}"
)
assert (missing, row.total_examples, row.accuracy) == (60, 40, 1)
assert row.failed_count == 0, "failed examples are counted now"
PYTHON
