"""How good every candidate's answer is expected to be, given the sample and the answer of one that was asked.

Decisions
- Kernel ridge regression on the sample's features beside the answer's, as the flagship reads samples. It is fitted to
  graded quality, which makes it an estimate of p(correct | sample, answer) where quality is 0 or 1.
- How much an answer counts against the sample, none among the choices, and how smooth the functions are is chosen for
  each pair by the out-of-fold squared error of the second's gain on the train split. Groups stay within folds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from vlrouterbench.data.costs import measured_means
from vlrouterbench.evaluation.upper_bound import group_folds
from vlrouterbench.routers.flagship.base_learners import KernelLearner

NUM_LANDMARKS = 400
STRENGTHS = [0.003, 0.01, 0.03]
ANSWER_WEIGHTS = (0.0, 0.5, 1.0, 2.0)
"""Length of an answer's features as a multiple of that of the sample's."""


@dataclass(frozen=True)
class AnswerScaling:
    """Standardises the features of answers by those of the train split.

    Attributes:
        mean, deviation: (num_features,).
    """

    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, answers: np.ndarray) -> AnswerScaling:
        """The scaling of (num_samples, num_features)."""
        deviation = answers.std(axis=0)
        return cls(answers.mean(axis=0), np.where(deviation > 0, deviation, 1.0))

    def beside(self, samples: np.ndarray, answers: np.ndarray, weight: float) -> torch.Tensor:
        """Rows of unit length for the sample and of about `weight` for the answer, (num_samples, dim) float32."""
        units = samples / np.maximum(np.linalg.norm(samples, axis=1, keepdims=True), 1e-12)
        scaled = (answers - self.mean) / self.deviation * (weight / np.sqrt(answers.shape[1]))
        return torch.from_numpy(np.hstack([units, scaled])).float()


Choice = tuple[float, int]
"""How much answers count, and the place of a strength."""


class AfterAnswer:
    """Estimates of quality after one candidate has answered, learnt from the train split.

    Args:
        samples: features (num_train, dim).
        answers: features of the first candidate's answers, (num_train, num_features).
        quality: (num_train, num_candidates), NaN = not measured.
        groups: of the samples.
        seed: of folds and landmarks.
    """

    def __init__(
        self, samples: np.ndarray, answers: np.ndarray, quality: np.ndarray, groups: list[str], *, seed: int
    ) -> None:
        self._samples, self._answers, self._quality, self._seed = samples, answers, quality, seed
        self._scaling = AnswerScaling.of(answers)
        self._kernels: dict[float, tuple[np.ndarray, KernelLearner]] = {}
        folds = group_folds(groups, seed=seed)
        if len(np.unique(folds)) == 1:
            folds = np.arange(len(folds)) % 2  # of a single group there is nothing to keep together
        self.out_of_fold: dict[Choice, np.ndarray] = {}
        for weight in ANSWER_WEIGHTS:
            rows = self._scaling.beside(samples, answers, weight)
            found = np.empty((*quality.shape, len(STRENGTHS)))
            for fold in np.unique(folds):
                inside, outside = folds == fold, folds != fold
                means, kernel = _fitted(rows[outside], quality[outside], seed=seed)
                found[inside] = means[:, None] + kernel.predict(rows[inside]).numpy()
            self.out_of_fold |= {(weight, place): found[:, :, place] for place in range(len(STRENGTHS))}

    def best_for(self, first: int, second: int) -> Choice:
        """The choice whose out-of-fold estimates of the second candidate's gain over the first are closest."""
        gain = self._quality[:, second] - self._quality[:, first]
        errors = {
            choice: np.nanmean((found[:, second] - found[:, first] - gain) ** 2)
            for choice, found in self.out_of_fold.items()
        }
        return min(errors, key=errors.__getitem__)

    def estimate(self, choice: Choice, samples: np.ndarray, answers: np.ndarray) -> np.ndarray:
        """Expected quality of every candidate, (num_samples, num_candidates), by the whole train split."""
        weight, place = choice
        means, kernel = self._kernel(weight)
        return means + kernel.predict(self._scaling.beside(samples, answers, weight)).numpy()[:, :, place]

    def _kernel(self, weight: float) -> tuple[np.ndarray, KernelLearner]:
        if weight not in self._kernels:
            rows = self._scaling.beside(self._samples, self._answers, weight)
            self._kernels[weight] = _fitted(rows, self._quality, seed=self._seed)
        return self._kernels[weight]


def _fitted(rows: torch.Tensor, quality: np.ndarray, *, seed: int) -> tuple[np.ndarray, KernelLearner]:
    means = np.nan_to_num(measured_means(quality))
    kernel = KernelLearner(min(NUM_LANDMARKS, len(rows)), rows.shape[1], quality.shape[1], STRENGTHS)
    kernel.fit(rows, torch.from_numpy(quality - means).float(), seed=seed)
    return means, kernel
