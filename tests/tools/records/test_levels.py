"""L0s that are suggested without being asked."""

import pytest

from fumehood_tools.records.levels import usual_targets


@pytest.mark.parametrize(
    ("subject", "width", "dict_size", "targets"),
    [
        ("SmolLM2-135M", 576, 1_536, [32, 64]),
        ("Pythia-70m", 512, 4_096, [32, 64]),
        ("a large model", 4_096, 65_536, [32, 64]),
        ("the synthetic one", 64, 256, [8, 16]),
        ("a small dictionary", 576, 64, [8, 16]),
        ("the smallest dictionary", 64, 8, [1, 2]),
    ],
)
def test_suggested_l0s_fit_the_subject_and_the_dictionary(
    subject: str, width: int, dict_size: int, targets: list[int]
) -> None:
    assert usual_targets(width, dict_size) == targets, subject
