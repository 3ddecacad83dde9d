"""Fixes: how the source of a finding is mended, as edits of its text; ``repairs`` attaches them."""
