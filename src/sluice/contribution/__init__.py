"""What a contribution changes of how it is judged: settings of the gates, and files."""
