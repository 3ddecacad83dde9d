"""Measures of fixes: over labelled cases, over released packages, over planted faults."""
