"""Somebody's own model as a function: nothing of it is trained or saved here, it is only compared.

    vlrouterbench evaluate my_benchmark --plugin docs/examples/own_function.py --router hard-words --out my_evaluation

In Python a function needs no registration: `evaluate_routers("my_benchmark", [by_hard_words], "my_evaluation")`.
"""

from typing import Any

from vlrouterbench import register_router

HARD_WORDS = ("prove", "proof", "derive", "how many", "estimate")
CHEAP, STRONG = "small", "large"


class HardWords:
    """Stands for a model that is loaded from wherever it lies."""

    def is_hard(self, question: str) -> bool:
        """What the model answers."""
        return any(word in question.lower() for word in HARD_WORDS)


MODEL = HardWords()


def by_hard_words(samples: list[dict[str, Any]]) -> list[str]:
    """The name of a candidate for every sample, in order."""
    return [STRONG if MODEL.is_hard(sample["question"]) else CHEAP for sample in samples]


register_router("hard-words", by_hard_words)
