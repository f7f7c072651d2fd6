"""Settings of the whole suite."""

from __future__ import annotations

from hypothesis import settings

# No deadline: how long one example takes says more about the neighbours of this machine than about the code.
settings.register_profile("project", deadline=None, max_examples=100)
settings.load_profile("project")
