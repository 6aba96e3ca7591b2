"""Vision-language models that end-to-end routers learn through."""
