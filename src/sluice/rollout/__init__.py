"""How a released package takes over production traffic."""
