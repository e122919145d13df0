"""The request to a harvest and the models of its results. Imports neither numpy nor torch.

<cache>/activations/<digest>/  manifest.json (written last), eval_tokens.npy, train_tokens.npy,
                               documents.json, batch.json, train/00000.npy …, eval/00000.npy …
<cache>/probing/<digest>/      <task>_activations.pt
<cache>/batches/<digest>.json  the fastest batch size, measured for a subject on this machine
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, ValidationError

from fumehood_tools.corpora import corpus_identity, probing_identity
from fumehood_tools.errors import BadRequest, StorageFailed
from fumehood_tools.files import digest_of, read_json
from fumehood_tools.kinds import SiteName
from fumehood_tools.machine import RealDtype
from fumehood_tools.settings import Device, Dtype
from fumehood_tools.spec import CorpusSpec, ScoringSpec, SubjectSpec
from fumehood_tools.subjects import SubjectInfo

MANIFEST = "manifest.json"
TRAIN_TOKENS, EVAL_TOKENS = "train_tokens.npy", "eval_tokens.npy"
DOCUMENTS = "documents.json"
BATCH = "batch.json"
# Increase this number when the same request would lead to different activations.
_ENGINE_VERSION = 1

Part = Literal["activations", "probing"]


class Site(BaseModel, frozen=True, extra="forbid"):
    """A place in a subject at which activations are read."""

    layer: int = Field(ge=0, description="block index, from 0")
    site: SiteName = "resid_post"


class HarvestRequest(BaseModel, frozen=True, extra="forbid"):
    """The content of spec.json."""

    subject: SubjectSpec = SubjectSpec()
    sites: tuple[Site, ...] = Field((), description="further sites, read in the same passes")
    corpus: CorpusSpec = CorpusSpec()
    scoring: ScoringSpec = ScoringSpec()
    cache: Path
    dtype: Dtype = "auto"
    device: Device = "auto"
    parts: tuple[Part, ...] = ("activations", "probing")
    probing_everywhere: bool = Field(
        True, description="probing artifacts for `sites` too; false: for the site in `subject` only"
    )

    @property
    def all_sites(self) -> tuple[Site, ...]:
        """The site named in `subject`, then `sites`."""
        return (Site(layer=self.subject.layer, site=self.subject.site), *self.sites)

    @property
    def probing_sites(self) -> tuple[Site, ...]:
        """The sites of which probing artifacts are built."""
        return self.all_sites if self.probing_everywhere else self.all_sites[:1]


class Activations(BaseModel, frozen=True):
    """Activations of one site on one corpus. Shards are [n, d_model], float16 or float32."""

    digest: str
    folder: Path
    train_shards: tuple[Path, ...]
    eval_shards: tuple[Path, ...]
    eval_tokens_file: Path = Field(description="npy int32 [rows, context], BOS at position 0")
    documents_file: Path = Field(description="digests of the documents in both splits")
    train_tokens: int = Field(description="activations in the training split")
    eval_tokens: int = Field(description="activations in the evaluation split")
    d_model: int
    dtype: RealDtype = Field(description="arithmetic of the forward pass, not of the storage")
    scale: float = Field(description="sqrt(mean |x|^2) over the training split")
    subject_identity: str
    corpus_digest: str
    batch_tokens: int | None = Field(
        None, description="tokens per forward pass; None in data from before it was recorded"
    )


class Probing(BaseModel, frozen=True):
    """A folder with one `<task>_activations.pt` per task, in the form that sae-bench reads."""

    digest: str
    folder: Path
    tasks: tuple[str, ...]


def read_request(path: Path) -> HarvestRequest:
    """Return the validated content of a spec.json. Raises BadRequest, StorageFailed."""
    try:
        return HarvestRequest.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise BadRequest(f"{path.name}: {key}: {first['msg']}. Correct this key.") from error


def read_activations(folder: Path) -> Activations:
    """Return the activations of a finished harvest.

    Raises StorageFailed if the harvest is unfinished or damaged, or a file is missing.
    """
    try:
        found = named_in_manifest(folder)
    except (ValidationError, KeyError, TypeError) as error:
        raise StorageFailed(
            f"{folder / MANIFEST} is damaged. Delete its folder, then repeat the harvest."
        ) from error
    single = (found.eval_tokens_file, found.documents_file)
    for path in (*found.train_shards, *found.eval_shards, *single):
        if not path.is_file():
            raise StorageFailed(f"{path} is missing. Repeat the harvest; other files are reused.")
    return found


def named_in_manifest(folder: Path) -> Activations:
    """Return the activations that a manifest names, whose files need not be there.

    Raises StorageFailed if it cannot be read; ValidationError, KeyError or TypeError if it is
    damaged.
    """
    held = read_json(folder / MANIFEST)
    for key in ("train_shards", "eval_shards"):
        held[key] = [folder / name for name in held[key]]
    for key in ("eval_tokens_file", "documents_file"):
        held[key] = folder / held[key]
    return Activations.model_validate({**held, "folder": folder})


def activations_folder(
    request: HarvestRequest, site: Site, info: SubjectInfo, dtype: RealDtype
) -> Path:
    """Return the folder of a site's activations, named by a hash of all that determines them."""
    parts = {
        "engine": _ENGINE_VERSION,
        "subject": info.identity,
        "site": [site.site, site.layer],
        "corpus": corpus_identity(request.corpus, info.kind),
        "dtype": dtype,
    }
    return request.cache / "activations" / digest_of(parts)


def probing_folder(
    request: HarvestRequest, site: Site, info: SubjectInfo, dtype: RealDtype
) -> Path:
    """Return the folder of a site's probing artifacts, which all tasks share."""
    parts = {
        "engine": _ENGINE_VERSION,
        "subject": info.identity,
        "site": [site.site, site.layer],
        "texts": probing_identity(request.scoring),
        "dtype": dtype,
    }
    return request.cache / "probing" / digest_of(parts)


def artifact(folder: Path, task: str) -> Path:
    """Return the path at which sae-bench looks for a task's artifact."""
    return folder / f"{task}_activations.pt"
