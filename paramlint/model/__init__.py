"""The vocabulary: plain frozen data that every other layer speaks in."""
