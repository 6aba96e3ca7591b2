"""Text that stands in an image, read by RapidOCR."""
