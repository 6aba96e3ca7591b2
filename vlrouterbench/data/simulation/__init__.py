"""A seeded benchmark drawn from scratch: images, questions, candidates' skills, outcomes and costs. All simulated."""
