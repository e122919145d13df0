"""Compile every GPU kernel for the architectures named (80, 90, …), without a GPU.

Prints a line per kernel and architecture: name, architecture, bytes of shared memory, and bytes
of the stack, where registers go that are too many.
"""

import re
import subprocess
import sys
import tempfile
from typing import Any

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from core.kernels import gpu_rows, gpu_screen

CONSTANTS = {
    "E": gpu_rows.ENTRIES,
    "BLOCK_D": gpu_rows.BLOCK_D,
    "ROWS": gpu_screen.ROWS,
    "GROUPS": gpu_screen.GROUPS,
    "BINS": gpu_screen.BINS,
    "BLOCK": gpu_screen.BLOCK,
}
TYPES = {
    torch.bfloat16: ("product_ptr", "rounded_ptr"),
    torch.int32: ("index_ptr", "member_ptr", "found_ptr", "prefix_ptr"),
    torch.int64: ("start_ptr", "end_ptr", "count_ptr"),
}
SHORT = {torch.bfloat16: "*bf16", torch.int32: "*i32", torch.int64: "*i64"}


def signature(kernel: Any) -> dict[str, str]:
    """Return the type of each parameter, as gpu_rows.py and gpu_screen.py pass them."""
    pointers = {name: SHORT[dtype] for dtype, names in TYPES.items() for name in names}
    return {
        name: "constexpr"
        if name in CONSTANTS
        else pointers.get(name, "*fp32" if name.endswith("_ptr") else "i32")
        for name in kernel.arg_names
    }


def stack_bytes(cubin: bytes) -> int:
    """Return what NVIDIA's own tool, which comes with Triton, says of a compiled kernel."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        command = [triton.knobs.nvidia.cuobjdump.path, "-res-usage", file.name]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return sum(map(int, re.findall(r"(?:STACK|LOCAL):(\d+)", said)))


for module in (gpu_rows, gpu_screen):
    for name in (name for name in dir(module) if name.endswith("_kernel")):
        kernel = getattr(module, name)
        constants = {key: CONSTANTS[key] for key in kernel.arg_names if key in CONSTANTS}
        source = ASTSource(kernel, signature(kernel), constants)
        options = {"num_warps": 8 if name == "floor_kernel" else 4, "enable_fp_fusion": True}
        for architecture in map(int, sys.argv[1:]):
            target = GPUTarget("cuda", architecture, 32)
            built = triton.compile(source, target=target, options=options)
            print(name, architecture, built.metadata.shared, stack_bytes(built.asm["cubin"]))
