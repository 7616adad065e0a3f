"""Protolith over HTTP."""
