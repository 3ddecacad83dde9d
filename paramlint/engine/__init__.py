"""One way through: from paths and settings to diagnostics, for every front end."""
