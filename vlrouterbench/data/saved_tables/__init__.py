"""Tables as people save them, in several formats and encodings."""
