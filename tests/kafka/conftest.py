"""A broker for the tests of this folder."""

from kafka.broker import broker

__all__ = ["broker"]
