"""Where existing programs import `AsyncAioPikaManager` from."""

from .managers.aiopika import AsyncAioPikaManager

__all__ = ["AsyncAioPikaManager"]
