"""The delivery package: assemble its parts, seal them in an archive, and verify one."""
