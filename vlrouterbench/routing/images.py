"""Where the images of a table of questions come from.

Decisions
- A table names its images or holds them; they are read through an interface of one method, by a folder and a zip
  archive alike.
- An image must be in the folder or below it: a table from elsewhere must not read the user's other files.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from PIL import Image

from vlrouterbench.data.sources.inside import OutsideError, file_inside
from vlrouterbench.routers.base.decision import read_images
from vlrouterbench.routers.encoders.sample_input import (
    RAISE,
    RouterInputError,
    image_items,
    images_of,
    one_line,
    path_forms,
)
from vlrouterbench.routing.limits import QuestionError


class ImageSource(Protocol):
    """Images by the cells of a table: names, or the images themselves."""

    def images(self, cell: Any) -> tuple[list[Image.Image], int]:
        """The images of a cell, and how many of it cannot be read where a decision without them is allowed.

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

    def images(self, cell: Any) -> tuple[list[Image.Image], int]:
        """See ImageSource."""
        return read_images([self._located(item) for item in image_items(cell)], self.on_bad_image)

    def _located(self, item: Any) -> Any:
        """An item of a cell; the file in the place of its name."""
        try:
            named = images_of(item)
        except RouterInputError:
            return item  # what reads it says why, or counts it
        return self._file(named[0]) if len(named) == 1 and isinstance(named[0], str) else item

    def _file(self, name: str) -> Path:
        """The file that a cell names; where it would be if there is none, which is then refused."""
        root = self.folder.resolve()
        try:
            files = (file_inside(root, form) for form in path_forms(name))
            return next((file for file in files if file is not None), root / name)
        except OutsideError as error:
            raise RouterInputError(
                f'the image path "{one_line(name)}" leaves the folder {root}. Give a path inside it.'
            ) from error


class NoImages:
    """For a table that comes without images; those that it holds are read."""

    def images(self, cell: Any) -> tuple[list[Image.Image], int]:
        """See ImageSource; there is none of any name."""
        for image in images_of(cell):
            if isinstance(image, str | Path):
                raise QuestionError(f'image "{one_line(str(image), 80)}": no folder of images was given.')
        return read_images(cell)
