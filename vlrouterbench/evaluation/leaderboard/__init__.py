"""Submissions of decisions -> a table that anybody can compute again: nothing that a submitter states is believed."""
