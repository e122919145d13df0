"""What a run says when it has ended."""

from fumehood_tools.runs.summary import next_call, summary_of

WHY = "topk.py:36: the buffer threshold holds infinity since step 7. Instead: do not."


def test_failures_come_first_with_their_number_and_reasons() -> None:
    failed = {f"topk(K=15) seed {seed}": WHY for seed in range(6)} | {"mine seed 0": "x" * 900}
    first, *why = summary_of(["batch_topk seed 0"], ["batch_topk seed 1"], failed, [], [])
    assert first.startswith("7 of 9 SAEs FAILED: topk(K=15) seed 0, ")
    assert first.endswith(" and 2 more; 1 SAEs trained and scored; 1 had a score already")
    assert why[0] == f"- 6 x (quoted): {WHY}"
    assert why[1].startswith("- 1 x (quoted): xxx") and len(why[1]) < 450
    assert summary_of(["topk seed 0"], [], {}, [], []) == ["1 SAEs trained and scored"]


def test_the_next_call_is_about_the_setting_in_which_the_run_trained() -> None:
    rate = {"lr": 0.008}
    assert next_call("box", "1a2b3c4d", {}, {}) == "read_benchmarks(sandbox='box')"
    there = "(sandbox='box', setting='1a2b3c4d')"
    assert next_call("box", "1a2b3c4d", rate, {}) == f"compare_variants{there}"
    failed = {"topk seed 0": WHY}
    assert next_call("box", "1a2b3c4d", rate, failed) == f"read_benchmarks{there}"
