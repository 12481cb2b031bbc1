"""Knowledge: documents → chunks → SQLite (authoritative) + Chroma → fused search."""
