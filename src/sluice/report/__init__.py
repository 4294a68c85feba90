"""The report on a candidate, with the same content as Markdown, HTML and JSON."""
