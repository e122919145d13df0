"""Addresses of repositories: every way to write one leads to the same repository, or is refused."""

import pytest

from fumehood_tools.errors import BadRequest
from fumehood_tools.repositories import read_address
from fumehood_tools.repositories.address import check_ref, is_owner, keys_in, without_credentials

SAME = (
    "https://github.com/Ada/Sae",
    "http://www.github.com/ada/sae/",
    "https://github.com/ada/sae.git",
    "https://user:secret@github.com/ada/sae.git",
    "git+https://github.com/ada/sae.git",
    "git://github.com/ada/sae.git",
    "git@github.com:ada/sae.git",
    "github:ada/sae",
    "ada/sae",
    "github.com/ada/sae",
    "https://github.com/ada/sae/tree/main/src#readme",
    "https://github.com/ada/sae/blob/main/src/a.py?raw=true#L3",
    "https://github.com/ada/sae/issues/12",
    "https://raw.githubusercontent.com/ada/sae/refs/heads/main/README.md",
    "https://api.github.com/repos/ada/sae",
    "https://colab.research.google.com/github/ada/sae/blob/main/demo.ipynb",
)


@pytest.mark.parametrize("text", SAME)
def test_all_addresses_of_a_repository_have_one_key(text: str) -> None:
    address = read_address(text)
    assert address.key == "github.com/ada/sae"
    assert "secret" not in address.page + address.clone_url({})
    assert address.page.startswith("https://github.com/")


@pytest.mark.parametrize(
    ("text", "key", "pointed"),
    [
        ("https://gitlab.com/lab/group/sae/-/tree/dev/src", "gitlab.com/lab/group/sae", "dev/src"),
        ("https://huggingface.co/ada/sae/tree/main", "huggingface.co/ada/sae", "main"),
        ("hf.co/datasets/ada/texts", "huggingface.co/datasets/ada/texts", ""),
        ("https://codeberg.org/ada/sae/src/branch/main/a", "codeberg.org/ada/sae", "main/a"),
        ("https://git.example.org/~ada/sae.git", "git.example.org/~ada/sae", ""),
        ("https://github.com/ada/sae/tree/feature/x/src", "github.com/ada/sae", "feature/x/src"),
        ("https://github.com/ada/sae/releases/tag/v1.2", "github.com/ada/sae", "v1.2"),
        ("ssh://git@git.example.org:2222/ada/sae", "git.example.org:2222/ada/sae", ""),
    ],
)
def test_pages_of_other_hosts_lead_to_their_repository(text: str, key: str, pointed: str) -> None:
    assert (read_address(text).key, read_address(text).pointed) == (key, pointed)


@pytest.mark.parametrize(
    "text",
    [
        "--upload-pack=touch /tmp/x",
        "-oProxyCommand=x",
        "ext::sh -c date",
        "https://-oProxyCommand=x/ada/sae",
        "https://github.com/ada",
        "https://github.com/topics/sae",
        "https://huggingface.co/papers/2309.08600",
        "https://github.com/../etc",
        "https://github.com/ada/--option",
        "https://github.com/ada/sae\nx",
        "ftp://github.com/ada/sae",
        "https://[::bad/ada/sae",
        "sae",
        "a" * 3000,
    ],
)
def test_what_is_no_repository_is_refused_with_the_forms_that_are(text: str) -> None:
    with pytest.raises(BadRequest, match="Pass https://host/owner/name"):
        read_address(text)


@pytest.mark.parametrize(
    "ref",
    ["-b", "--upload-pack=x", "a..b", "a b", "x@{1}", "a:b", "/a", "a.lock", "a\n", "a" * 300],
)
def test_a_ref_that_git_could_misread_is_refused(ref: str) -> None:
    with pytest.raises(BadRequest, match="not the name of a branch"):
        check_ref(ref)


def test_credentials_are_cut_from_any_text() -> None:
    said = "fatal: https://ada:secret@host/x and https://host/y?private_token=secret&a=1 failed"
    assert without_credentials(said) == (
        "fatal: https://host/x and https://host/y?private_token=…&a=1 failed"
    )


def test_the_addresses_in_a_text_are_found_however_they_are_written() -> None:
    text = (
        "Code: https://github.com/Ada/Sae.git), fork of git@github.com:bo/sae, see also "
        "www.github.com/ada/sae/tree/main/src. Weights at hf.co/ada/weights and "
        "huggingface.co/datasets/ada/texts; our page github.com/ada; not github.com/topics/sae, "
        "x.github.com/a/b, mygithub.com/a/b or https://example.org/a/b."
    )
    assert keys_in(text) == [
        "github.com/ada/sae",
        "github.com/bo/sae",
        "huggingface.co/ada/weights",
        "huggingface.co/datasets/ada/texts",
        "github.com/ada",
    ]
    assert [is_owner(key) for key in keys_in(text)] == [False] * 4 + [True]


def test_long_texts_without_an_address_are_searched_in_one_pass() -> None:
    for text in ("git." * 100_000, "gitlab." + "a." * 150_000, "github.com/" * 30_000):
        assert len(keys_in(text)) <= 1
