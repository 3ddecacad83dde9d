"""From one source file to its facts: reading the text and lowering it to the intermediate form."""
