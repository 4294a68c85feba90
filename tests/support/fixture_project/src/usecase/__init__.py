"""The use case of the machinery's own tests."""
