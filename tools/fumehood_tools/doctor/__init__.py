"""Say what this machine has of fumehood's parts, and which command adds each missing one.

Light: reads metadata and files, asks nvidia-smi where it is installed, imports no torch, needs no
network, writes nothing but a file of no bytes that is removed again. Keys are reported by name,
never by value. It does not check that a part works: `fumehood demo` does.
"""

from fumehood_tools.doctor.examine import examine
from fumehood_tools.doctor.report import DoctorReport, Part

__all__ = ["DoctorReport", "Part", "examine"]
