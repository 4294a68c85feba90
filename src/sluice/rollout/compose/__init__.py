"""Production in the containers of deploy/compose: Traefik in front of the servers of images."""
