"""What a network of 256 miners and 10 million records does, computed: ``make scaling``."""
