"""Self-contained HTML pages: templates, style and script are files of this package."""
