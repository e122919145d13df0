"""Choose the files of a checkout to pack, and those of them to show first."""

from collections.abc import Sequence

from fumehood_tools.errors import BadRequest
from fumehood_tools.packing.ranking import found_in
from fumehood_tools.packing.request import PackRequest
from fumehood_tools.packing.staging import Found, left_out_by_name, path_in_pack, shown_path
from fumehood_tools.quoting import one_line
from fumehood_tools.repositories import Checkout

_SUFFIXES = (
    "7z a avi bin bmp bz2 db dll dylib eot exe gif gz h5 ico jar jpeg jpg lib mo mov mp3 mp4 npy "
    "npz o ogg onnx otf parquet pdf pickle pkl png pt pth pyc pyd safetensors so sqlite tar tgz "
    "tif tiff ttf wasm wav webm webp whl woff woff2 xz zip"
)
_BINARY = frozenset(_SUFFIXES.split())


def likely_texts(files: Sequence[str]) -> list[str]:
    """Return how the files that are text by their names are displayed; notebooks are scripts."""
    return [
        path_in_pack(file)
        for file in files
        if file.rpartition(".")[2] not in _BINARY and not left_out_by_name(file)
    ]


def with_ranking(
    checkout: Checkout, request: PackRequest, paths: Sequence[str]
) -> tuple[Checkout, PackRequest]:
    """Return the request with the files to show first that are there, and a note about others.

    paths: of the files that are packed.
    """
    found, missing = found_in(paths, request.ranking)
    if missing:
        note = (
            f"{len(missing):,} of the files to show first are not in this pack, such as "
            f"{one_line(missing[0])[:200]!r}. Its tree has the names."
        )
        origin = checkout.origin._replace(notes=(*checkout.origin.notes, note))
        checkout = checkout._replace(origin=origin)
    return checkout, request.model_copy(update={"ranking": tuple(found)})


def no_text(checkout: Checkout, chosen: int, found: Found) -> BadRequest:
    """Return the error for a source of which nothing can be packed. chosen: number of files."""
    name, files = checkout.address, len(checkout.files)
    if not files:
        return BadRequest(f"{name} has no files. Pass a repository that has some.")
    if not chosen:
        return BadRequest(
            f"include and exclude choose none of the {files:,} files of {name}. Change them."
        )
    first = found.left_out[0]
    return BadRequest(
        f"{name} has no text files to pack: all of {chosen:,} files are left out, such as "
        f"{one_line(first.path)[:200]!r} ({one_line(first.reason)[:200]}). Pass another source, or "
        "change include and exclude."
    )


def chosen_files(checkout: Checkout, request: PackRequest) -> list[str]:
    """Return the files that include and exclude choose. Raises BadRequest for a bad pattern."""
    if not request.include and not request.exclude:
        return list(checkout.files)
    from pathspec import GitIgnoreSpec

    try:
        wanted = GitIgnoreSpec.from_lines(request.include)
        unwanted = GitIgnoreSpec.from_lines(request.exclude)
    except ValueError as error:
        raise BadRequest(f"Invalid pattern: {error}. Write patterns as in .gitignore.") from error
    # Paths are matched as they are displayed; pathspec fails on names that are not UTF-8.
    shown = {it: shown_path(it)[0] for it in checkout.files}
    return [
        it
        for it, path in shown.items()
        if (not request.include or wanted.match_file(path)) and not unwanted.match_file(path)
    ]
