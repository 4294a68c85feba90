"""Traffic on a Kubernetes cluster: the weights of one HTTPRoute, and the pods' own counters."""
