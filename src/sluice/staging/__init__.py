"""The test environment: a package's server, tried as it will run before anyone relies on it."""
