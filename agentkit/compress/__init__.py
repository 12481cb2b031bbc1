"""Smaller models: distilling a driver, pruning, quantizing, exporting."""
