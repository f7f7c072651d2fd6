"""Publishes on one port what is pushed to another: `python forwarder.py ADDRESS ADDRESS`."""

from __future__ import annotations

import sys

import zmq

context = zmq.Context()
receiver = context.socket(zmq.PULL)
receiver.bind(sys.argv[1])
publisher = context.socket(zmq.PUB)
publisher.bind(sys.argv[2])
zmq.proxy(receiver, publisher)
