"""The gateway: one OpenAI-compatible address that decides which candidate to ask, asks it, and passes its answer on."""
