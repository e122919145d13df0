"""Import this to have all machine code of the CPU backend ready; nothing where numba is missing."""

from core.kernels.backends import has_numba

if has_numba():
    from core.kernels import cpu, jitted, jitted_active, jitted_adam, jitted_int8, jitted_lists

    __all__ = ["cpu", "jitted", "jitted_active", "jitted_adam", "jitted_int8", "jitted_lists"]
