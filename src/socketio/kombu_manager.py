"""Where existing programs import `KombuManager` from."""

from .managers.kombu import KombuManager

__all__ = ["KombuManager"]
