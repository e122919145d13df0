#!/usr/bin/env bash
# torch 2.13.0 (CPU, x86): torch._int_mm returns wrong int32 sums on processors without VNNI, without a warning.
#
# Expected: int8 times int8 with an int32 result is exact, on every processor: 128 products of at most 127 x 127
# are far from the limits of int32. Or, where a processor cannot do that, an error.
# Found: with the instructions of AVX2 (and of AVX-512 without VNNI), most sums of random int8 matrices are wrong, and
# 128 x 127 x 127 = 2,064,512 becomes 16,320: pairs of products are added in 16 bits. With one side within -64 to 64
# all sums are right. With VNNI they are right for all values. So weights quantized to 8 bits that work on one
# machine are silently wrong on another. ONEDNN_MAX_CPU_ISA=AVX2, a documented variable of oneDNN, makes a
# processor with VNNI compute as one without.
set -euo pipefail
[ "$(uname -m)" = x86_64 ] || { echo "This is about x86-64 processors."; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.13.0 numpy
cd "$folder"
ONEDNN_MAX_CPU_ISA=AVX2 "$folder/venv/bin/python" -W ignore - <<'PYTHON'
import torch

torch.manual_seed(0)
left = torch.randint(-127, 128, (64, 128), dtype=torch.int8)
right = torch.randint(-127, 128, (64, 128), dtype=torch.int8)
largest = torch.full((64, 128), 127, dtype=torch.int8)


def wrong(x, y):
    """Return how many sums differ from exact ones, and the first of both."""
    found, exact = torch._int_mm(x, y.t()), x.long() @ y.long().t()
    assert found.dtype == torch.int32
    return int((found != exact).sum()), int(found[0, 0]), int(exact[0, 0])


print("torch", torch.__version__)
for name, x, y in (("random", left, right), ("all 127", largest, largest), ("127 by 64", largest, largest // 127 * 64)):
    count, found, exact = wrong(x, y)
    print(f"{name}: {count} of 4096 sums are wrong; the first is {found}, exactly {exact}")
    assert (count > 1000) == (name != "127 by 64"), "torch._int_mm computes otherwise now"
PYTHON
