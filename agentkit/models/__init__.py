"""Engines: one interface (`model`), several ways to run a language model behind it."""
