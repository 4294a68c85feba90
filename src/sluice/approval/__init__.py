"""Who may let a delivery through to production, and what they are shown."""
