"""Where existing programs import `Namespace` and `ClientNamespace` from."""

from .sync.client_namespace import ClientNamespace
from .sync.namespace import Namespace

__all__ = ["ClientNamespace", "Namespace"]
