"""Features that need no download: n-grams and image statistics."""
