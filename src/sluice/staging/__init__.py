"""The test environment: a package's server is tested before anyone approves the package."""
