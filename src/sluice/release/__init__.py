"""From a delivery that was tried in the test environment to an approved release, and back."""
