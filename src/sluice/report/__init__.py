"""The same facts for people and machines: Markdown, HTML and JSON."""
