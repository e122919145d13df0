"""Report which parts of fumehood this machine has, and the command that adds each missing one.

Light: reads metadata and files, runs nvidia-smi if it is installed, and needs no network. It
imports the installed packages only if it is asked to, in child processes. It writes only an empty
temporary file, to test whether folders are writable. Keys are reported by name, never by value. It
does not check that a part works: `fumehood demo` does.
"""

from fumehood_tools.doctor.examine import examine
from fumehood_tools.doctor.report import DoctorReport, Part

__all__ = ["DoctorReport", "Part", "examine"]
