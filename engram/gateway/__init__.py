"""One service for web pages, the SDK and other clients: files, searches, checks, overviews."""
