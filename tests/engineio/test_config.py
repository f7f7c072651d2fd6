"""The checks of options."""

from __future__ import annotations

import pytest

from engineio.config import check_ping_interval, check_transports, warn_about_unknown_options


@pytest.mark.parametrize(
    ("option", "transports"),
    [
        (None, ["polling", "websocket"]),
        ("polling", ["polling"]),
        ("websocket", ["websocket"]),
        (["websocket", "polling"], ["websocket", "polling"]),
        (("websocket",), ["websocket"]),
        (["polling", "carrier pigeon"], ["polling"]),
    ],
)
def test_transports(option: str | list[str] | None, transports: list[str]) -> None:
    assert check_transports(option) == transports


@pytest.mark.parametrize("option", ["", [], "carrier pigeon", ["webtransport"]])
def test_no_transport_is_left(option: str | list[str]) -> None:
    with pytest.raises(ValueError, match="No valid transports provided"):
        check_transports(option)


def test_the_result_is_a_list_of_its_own() -> None:
    given = ["polling"]
    result = check_transports(given)
    result.append("websocket")
    assert given == ["polling"]
    assert check_transports(None) is not check_transports(None)


@pytest.mark.parametrize(
    ("option", "pair"), [(25, (25, 0)), (0.3, (0.3, 0)), ((10, 5), (10, 5)), ([0.5, 0.25], (0.5, 0.25))]
)
def test_ping_interval(option: float | list[float], pair: tuple[float, float]) -> None:
    assert check_ping_interval(option) == pair


@pytest.mark.parametrize("option", [(1,), (1, 2, 3), ()])
def test_a_ping_interval_that_is_no_pair(option: tuple[float, ...]) -> None:
    with pytest.raises(ValueError):
        check_ping_interval(option)


def test_an_unknown_option_with_a_neighbour() -> None:
    with pytest.warns(UserWarning, match=r"'ping_timout'.*did you mean 'ping_timeout'") as caught:
        warn_about_unknown_options(["ping_timout"], ["ping_interval", "ping_timeout"], stacklevel=1)
    assert [warning.filename for warning in caught] == [__file__]


def test_an_unknown_option_without_one() -> None:
    with pytest.warns(UserWarning) as caught:
        warn_about_unknown_options(["zzz", "message_queue"], ["ping_interval"], stacklevel=1)
    assert [str(warning.message) for warning in caught] == [
        "unknown option 'zzz' is ignored",
        "unknown option 'message_queue' is ignored",
    ]


def test_known_options_are_no_reason_to_warn() -> None:
    warn_about_unknown_options([], ["ping_interval"], stacklevel=1)
