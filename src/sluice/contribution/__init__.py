"""How a contribution changes the way it is judged: settings of the gates, and files."""
