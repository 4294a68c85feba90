"""A real container engine and a real registry."""
