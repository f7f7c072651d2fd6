"""Where existing programs import `AsyncNamespace` and `AsyncClientNamespace` from."""

from .asyncio.client_namespace import AsyncClientNamespace
from .asyncio.namespace import AsyncNamespace

__all__ = ["AsyncClientNamespace", "AsyncNamespace"]
