"""Router and table -> results: the only room where decisions meet the truth of the split they are scored on."""
