"""How a released package takes over the traffic of production."""
