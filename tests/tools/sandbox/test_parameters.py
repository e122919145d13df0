"""Copies of a variant's file with other values for its constants."""

import pytest

from fumehood_tools.errors import BadRequest, UnknownName
from fumehood_tools.records.parameters import Copy, combinations, constants_of, with_parameters
from fumehood_tools.sandbox.declarations import check_declarations, read_declarations

SOURCE = '''"""Größe: K = 32 steht hier nur als Text."""

K = 32  # the L0
KNOB = "K"
SLOPE: float = -0.5
ON, OFF = True, False
KIND = "plain"
GROUPS = (1, 2)
small = 3


class CustomSAE:
    K = 7
'''.encode()


def copy(**values: bool | int | float | str) -> Copy:
    return with_parameters(SOURCE, "mine", values)


def test_the_parameters_of_a_file_are_its_upper_case_literals() -> None:
    assert constants_of(SOURCE) == {"K": 32, "SLOPE": -0.5, "KIND": "plain"}
    assert constants_of(b"K = (") == {}


def test_a_copy_differs_from_the_file_in_the_literal_alone() -> None:
    assert copy(K=64) == Copy(SOURCE.replace(b"K = 32  #", b"K = 64  #"), {"K": 64})
    both = copy(SLOPE=2, KIND="it's")
    expected = SOURCE.replace(b"= -0.5", b"= 2.0").replace(b'"plain"', b'"it\'s"')
    assert both == Copy(expected, {"KIND": "it's", "SLOPE": 2.0})


def test_a_copy_of_a_file_with_a_byte_order_mark_differs_in_the_literal_alone() -> None:
    marked = b'\xef\xbb\xbfK = 32; A = 1\nB = "x"\n'
    expected = b"\xef\xbb\xbfK = 64; A = 2\nB = 'y'\n"
    assert with_parameters(marked, "mine", {"K": 64, "A": 2, "B": "y"}).source == expected


def test_the_files_own_values_give_the_file_itself() -> None:
    assert copy(K=32.0, SLOPE=-0.5) == Copy(SOURCE, {})


def test_a_constant_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(UnknownName, match="SLOPE"):
        copy(SLOP=1)
    with pytest.raises(UnknownName, match="KNOB"):
        copy(KNOB="SLOPE")


@pytest.mark.parametrize("values", [{"K": 1.5}, {"K": "64"}, {"K": True}, {"KIND": 3}])
def test_a_value_of_another_kind_is_refused(values: dict[str, bool | int | float | str]) -> None:
    with pytest.raises(BadRequest, match="Pass a value of the same type"):
        copy(**values)


def test_a_grid_is_every_choice_of_one_value_per_constant() -> None:
    assert combinations({}) == [{}]
    assert combinations({"K": [1, 2], "A": [0.5]}) == [{"A": 0.5, "K": 1}, {"A": 0.5, "K": 2}]


def test_a_knob_must_be_a_number_of_the_file() -> None:
    import ast

    assert read_declarations(SOURCE).knob == "K"
    assert not list(check_declarations(ast.parse(SOURCE)))
    for wrong in (b'KNOB = "L"', b"KNOB = 3", b'KNOB = "KIND"'):
        tree = ast.parse(SOURCE.replace(b'KNOB = "K"', wrong))
        assert [found.message for found in check_declarations(tree)] == [
            "KNOB is not the name of a number in this file."
        ]
