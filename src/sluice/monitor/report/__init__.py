"""The report on production, with the same content as Markdown, HTML and JSON."""
