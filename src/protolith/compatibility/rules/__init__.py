"""The rules of each level."""
