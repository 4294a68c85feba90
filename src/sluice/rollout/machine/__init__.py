"""Production on one machine: Traefik in front of `sluice serve` processes."""
