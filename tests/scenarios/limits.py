"""What a web server cannot do for any application: the tests that are left out, and what it does instead."""

from __future__ import annotations

_DAPHNE_BODIES = "daphne reads a body to its end before it calls the application"

LIMITS: dict[str, dict[str, str]] = {
    "daphne": {
        "test_rule_4_a_body_that_does_not_come": _DAPHNE_BODIES,
        "test_rule_4_a_client_that_goes_within_its_body": _DAPHNE_BODIES,
        "test_rule_6_too_long_by_content_length": _DAPHNE_BODIES,
        "test_rule_6_too_long_while_reading": _DAPHNE_BODIES,
        "test_rule_8_two_posts": _DAPHNE_BODIES,
        "test_lifespan": "daphne has no lifespan",
        "test_sigterm_with_clients": "daphne has no lifespan: see tests/stop",
    },
    "granian": {
        "test_sigterm_with_clients": "granian tells an application of its end last: see tests/stop",
    },
}
"""Way -> name of a test -> why it is left out."""

MUTE_REFUSALS = ("daphne",)
"""They know no `websocket.http.response`: every refusal of a WebSocket is 403, and has no body."""
