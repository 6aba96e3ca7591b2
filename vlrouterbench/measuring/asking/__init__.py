"""Asking: a prompt, its images, one request, its retries, and all requests within their limits."""
