"""Protolith: a protobuf schema registry for analytics."""
