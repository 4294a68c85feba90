"""Approval for production: what is checked, what the approver reads, and what the approval does."""
