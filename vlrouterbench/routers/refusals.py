"""What a request to a router can be refused with: one tuple, for whoever asks on behalf of others and passes it on."""

from __future__ import annotations

from .budgets import BudgetError
from .decision import CalibrationError, PoolMismatchError
from .encoding_hub_folder import HubEncoderError
from .encoding_input import RouterInputError
from .encoding_ocr import OcrError

REFUSALS = (BudgetError, CalibrationError, HubEncoderError, OcrError, PoolMismatchError, RouterInputError)
"""Each is written to be read by the one who asked."""
