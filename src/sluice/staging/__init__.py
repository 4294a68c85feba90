"""The test environment: a package's server is tried before anyone approves the package."""
