"""Settings: types, options, environment and configuration files."""
