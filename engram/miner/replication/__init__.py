"""Copies of records: where they go, who has them, and what is done about those that are missing."""
