"""Test support for a real container engine and a real registry."""
