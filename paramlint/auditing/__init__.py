"""Auditing a living model: the result that people read, and the ways to it."""
