"""What a run on pods may cost, before anything is rented."""

from pathlib import Path
from typing import Any, cast

import pytest

from fumehood_tools.errors import BadRequest
from fumehood_tools.pods.api import Cloud, GpuOffer, PodAPI
from fumehood_tools.pods.pricing import check_affordable, offer_for
from fumehood_tools.settings import load_settings

GPU = "NVIDIA A40"


class Sells:
    """A provider that sells one kind of GPU."""

    def offers(self, gpu_count: int = 1, cloud: Cloud = "secure") -> list[GpuOffer]:
        one: dict[str, Any] = {"gpu": GPU, "memory_gb": 48, "cloud": cloud, "stock": "high"}
        return [GpuOffer.model_validate({**one, "price_usd_per_hour": 0.3})]


def test_a_quote_counts_the_pod_that_scores_and_asks_for_enough_for_it(tmp_path: Path) -> None:
    settings, api = load_settings(tmp_path, {}), cast(PodAPI, Sells())
    alone = offer_for(settings, api, [GPU], 2, 1.0)
    scored = offer_for(settings, api, [GPU], 2, 1.0, scores=True)
    assert scored.most_usd == pytest.approx(alone.most_usd * 3 / 2)
    assert scored.least_usd == pytest.approx(2 * alone.least_usd)
    assert "3 pods" in scored.text() and "one of which scores and trains nothing" in scored.text()
    assert "scores" not in alone.text()
    enough_for_one = alone.least_usd * 1.5
    check_affordable(alone, enough_for_one)
    with pytest.raises(BadRequest, match="one pod that trains and one that scores"):
        check_affordable(scored, enough_for_one)
