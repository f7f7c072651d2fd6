"""Where existing programs import `ZmqManager` from."""

from .managers.zmq import ZmqManager

__all__ = ["ZmqManager"]
