"""Tables of questions -> decisions."""
