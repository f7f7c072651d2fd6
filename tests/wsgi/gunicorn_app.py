"""What gunicorn serves: `app`, and `django_app` with a Django project beside the server."""

from __future__ import annotations

from typing import Any

import application


def __getattr__(name: str) -> Any:
    if name == "app":
        return application.make_app(application.make_server())
    if name == "django_app":
        return application.make_app(application.make_server(), application.make_django())
    raise AttributeError(name)
