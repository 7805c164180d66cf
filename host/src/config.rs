//! Text to validated configuration. Nothing else reads configuration files.
