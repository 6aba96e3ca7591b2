"""The parts of a study, one file each; `study.PARTS` lists them."""
