"""Reading VLMEvalKit's work folders: where files lie, what they hold, and which label each row has."""
