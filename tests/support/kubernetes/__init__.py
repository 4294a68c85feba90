"""What the tests of the manifests and of the adapter for Kubernetes share."""
