"""What a contribution changes in how the model is judged."""
