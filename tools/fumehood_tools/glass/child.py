"""What a child behind the glass may use, and how it ended."""

from pydantic import BaseModel, Field


class ChildLimits(BaseModel, frozen=True):
    """Limits of one child. Each is enforced from outside the child's own code."""

    wall_seconds: float = Field(gt=0)
    memory_gb: float = Field(8.0, gt=0, description="resident memory of the child, GiB")
    file_gb: float = Field(8.0, gt=0, description="largest file the child may write, GiB")
    threads: int = Field(1, ge=1, description="compute threads")
    cuda: bool = Field(False, description="CUDA maps more address space than any limit allows")


class ChildOutcome(BaseModel, frozen=True):
    """How a child ended."""

    exit_code: int = Field(description="negative: the signal that ended it")
    timed_out: bool = False
    out_of_memory: bool = False
    output_tail: str = Field("", description="last 4,000 characters of its output")
    seconds: float = 0.0
