"""The card of a Space: front matter that the Hub builds and shows it by, and the page below.

Decisions
- The versions of gradio and Python that our Spaces run on are stated here alone: both Spaces were run with them. The
  Hub's own default is an older Python than this package needs.
- A short description that the Hub would cut or refuse is an error here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vlrouterbench.cards.render import render_template
from vlrouterbench.core.errors import VLRouterBenchError

GRADIO_VERSION, PYTHON_VERSION = "6.31.0", "3.11"
_LONGEST_SHORT_DESCRIPTION = 60
_FRONT_MATTER = (
    *("title", "sdk", "sdk_version", "python_version", "app_file", "pinned", "license", "short_description"),
    *("tags", "models", "datasets", "description"),
)
"""The order of its fields."""


@dataclass(frozen=True)
class SpaceCardData:
    """What the Hub asks of a Space.

    Attributes:
        title: in print.
        short_description: at most 60 characters, shown under the title.
        tags: words to find it by.
        models, datasets: repositories that it uses, as `owner/name`.
        app_file: what is run.
        license: as the Hub spells it.
        description: in a sentence, where a library asks for it ("" leaves it out).
    """

    title: str
    short_description: str
    tags: Sequence[str] = ()
    models: Sequence[str] = ()
    datasets: Sequence[str] = ()
    app_file: str = "app.py"
    license: str = "apache-2.0"
    description: str = ""

    def __post_init__(self) -> None:
        if len(self.short_description) > _LONGEST_SHORT_DESCRIPTION:
            raise VLRouterBenchError(
                f"expected a short description of at most {_LONGEST_SHORT_DESCRIPTION} characters for the Space "
                f'"{self.title}", found {len(self.short_description)}. Shorten it.'
            )

    def front_matter(self) -> str:
        """As YAML, without the lines of dashes."""
        from huggingface_hub import SpaceCardData as HubSpaceCardData

        front = HubSpaceCardData(
            title=self.title,
            sdk="gradio",
            sdk_version=GRADIO_VERSION,
            python_version=PYTHON_VERSION,
            app_file=self.app_file,
            pinned=False,
            license=self.license,
            short_description=self.short_description,
            tags=list(self.tags) or None,
            models=list(self.models) or None,
            datasets=list(self.datasets) or None,
            description=self.description or None,
        )
        return front.to_yaml(original_order=list(_FRONT_MATTER))


def render_space_card(card: SpaceCardData, page: str, *, simulated: bool = False) -> str:
    """The README of a Space.

    Args:
        card: its front matter.
        page: what stands under the title, in Markdown.
        simulated: whether it shows simulated data, which is said above everything else.
    """
    return render_template(
        "space_card.md", front=card.front_matter(), title=card.title, page=page.strip(), simulated=simulated
    )
