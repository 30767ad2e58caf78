"""The validator: judges miners by what they are obliged to hold, and sets their weights."""
