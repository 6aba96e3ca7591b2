"""Where the images of a table of questions come from.

Decisions
- A table names its images; they are read through an interface of one method, by a folder and a zip archive alike.
- An image must be in the folder or below it: a table from elsewhere must not read the user's other files.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from PIL import Image

from vlrouterbench.routers.encoders.sample_input import RAISE, RouterInputError, usable_image
from vlrouterbench.routing.limits import QuestionError


class ImageSource(Protocol):
    """Images by the names that a table gives them."""

    def image(self, name: str) -> Image.Image | None:
        """The image of that name; None for one that cannot be read where a decision by the text alone is allowed.

        Raises:
            QuestionError, RouterInputError: there is no such image, or it cannot be read.
        """


@dataclass(frozen=True)
class ImageFolder:
    """The images in a folder and below it.

    Attributes:
        folder: what names are relative to.
        on_bad_image: as for `PreTrainedRouter.route`.
    """

    folder: Path
    on_bad_image: str = RAISE

    def image(self, name: str) -> Image.Image | None:
        """See ImageSource."""
        folder = self.folder.resolve()
        path = (folder / name).resolve()
        if not path.is_relative_to(folder):
            raise RouterInputError(f'the image path "{name}" leaves the folder {folder}. Give a path inside it.')
        return usable_image(path, self.on_bad_image)


class NoImages:
    """For a table that comes without images."""

    def image(self, name: str) -> Image.Image | None:
        """See ImageSource; there is none of any name."""
        raise QuestionError(f'image "{name[:80]}": no folder of images was given.')
