"""The prompt of a question: a stated template, filled with question, options, hint and an instruction.

Decisions
- One template for all candidates and kinds of questions. A line whose placeholders are all empty is left out, so that
  the same template serves questions with and without options.
- What a question holds is put in as it stands: braces in it are no placeholders.
- The instruction says which form of answer the grading reads; who asks for another one gives another template.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from vlrouterbench.core.errors import VLRouterBenchError, unknown_name

DEFAULT_TEMPLATE = "Hint: {hint}\n{question}\n{options}\n{instruction}"
PLACEHOLDERS = ("question", "options", "hint", "instruction")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_SHORT = "Answer with a single word, number or short phrase."
INSTRUCTIONS = {
    "choice": "Answer with the letter of the correct option alone.",
    "yes-no": "Answer yes or no.",
    "exact": _SHORT,
    "numeric": "Answer with a number alone.",
    "relaxed": _SHORT,
    "vqa": _SHORT,
    "anls": _SHORT,
    "ocrbench": _SHORT,
}
"""Kind of grading -> the instruction; kinds that read free text have none."""
_MOST_CHARACTERS = 100_000


@dataclass(frozen=True)
class Question:
    """A question as it is asked.

    Attributes:
        sample_id: of its sample.
        question, options, hint: as in the sample.
        images: its encoded images, as files.
        kind: how its answer is graded.
    """

    sample_id: str
    question: str
    options: tuple[str, ...]
    hint: str
    images: tuple[Path, ...]
    kind: str


def read_template(path: Path | None) -> str:
    """The template of a file, the default one where there is none.

    Raises:
        VLRouterBenchError: no such file, an unknown placeholder, or no question in it.
    """
    if path is None:
        return DEFAULT_TEMPLATE
    try:
        template = path.read_text(encoding="utf-8").strip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise VLRouterBenchError(f"expected a prompt template in UTF-8 at {path}: {error}.") from error
    for name in _PLACEHOLDER.findall(template):
        if name not in PLACEHOLDERS:
            raise unknown_name(f"placeholder in {path}", name, PLACEHOLDERS)
    if "{question}" not in template or len(template) > _MOST_CHARACTERS:
        raise VLRouterBenchError(f"expected a template with {{question}} in {path}, found none.")
    return template


def render_prompt(template: str, question: Question) -> str:
    """The prompt of a question."""
    values = {
        "question": question.question,
        "options": _listed(question.options),
        "hint": question.hint,
        "instruction": INSTRUCTIONS.get(question.kind, ""),
    }
    lines = []
    for line in template.split("\n"):
        names = _PLACEHOLDER.findall(line)
        if not names or any(values[name] for name in names):
            lines.append(_PLACEHOLDER.sub(lambda found: values[found[1]], line))
    return "\n".join(lines)


def _listed(options: tuple[str, ...]) -> str:
    lettered = [f"{letter}. {option}" for letter, option in zip(LETTERS, options, strict=False)]
    return "\n".join(["Options:", *lettered]) if lettered else ""
