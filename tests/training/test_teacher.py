"""Learning from a teacher: an end-to-end router's scores as targets of one over features."""

import numpy as np
import pytest
import torch

from tests.families import SMALL_BACKBONES, with_candidates
from vlrouterbench.core.constants import Unsolved
from vlrouterbench.core.errors import RouterError
from vlrouterbench.data.table import load_table
from vlrouterbench.features.encode import encode_benchmark, features_by
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import train_router
from vlrouterbench.training.problem import Problem
from vlrouterbench.training.teacher import teacher_labels


@pytest.fixture(scope="module")
def problem(easy_folder):
    table = load_table(easy_folder)
    return Problem(table, encode_benchmark(table))


def _training_set(problem):
    return problem.training_set(cost_weight=10.0, unsolved=Unsolved.DROP, seed=0)


@pytest.mark.parametrize("family", SMALL_BACKBONES)
def test_targets_are_the_shares_of_the_teachers_scores(family, problem, end_to_end_folders):
    training_set = _training_set(problem)
    labels = teacher_labels(str(end_to_end_folders[family]), problem, training_set)
    teacher = AutoRouter.from_pretrained(end_to_end_folders[family])
    with torch.no_grad():
        scores = teacher.score(features_by(teacher.encoder, problem.train))
    counted = training_set.counted
    assert torch.allclose(labels[counted], torch.softmax(scores, dim=1)[counted], atol=1e-6)
    assert not labels[~counted].any()


def test_candidates_are_matched_by_name(problem, end_to_end_folders):
    order = list(reversed(range(len(problem.table.pool))))
    turned = with_candidates(problem, order)
    teacher = str(end_to_end_folders["vlc"])
    straight = teacher_labels(teacher, problem, _training_set(problem))
    assert torch.equal(teacher_labels(teacher, turned, _training_set(turned)), straight[:, order])


def test_a_student_decides_mostly_as_its_teacher(problem, end_to_end_folders):
    folder = end_to_end_folders["vlc"]
    student = train_router("mlp", problem, RouterTrainingArguments(cost_weights=(10.0,), teacher=str(folder))).router
    teacher = AutoRouter.from_pretrained(folder)
    agreed = student.decide(problem.validation_features) == teacher.decide(
        features_by(teacher.encoder, problem.validation)
    )
    assert np.mean(agreed.numpy()) > 0.6
    assert student.config.training["teacher"] == str(folder)


def test_a_teacher_over_other_candidates_is_refused(problem, end_to_end_folders):
    fewer = with_candidates(problem, [0, 1, 2])
    with pytest.raises(RouterError, match="only in the benchmark none"):
        teacher_labels(str(end_to_end_folders["vlc"]), fewer, _training_set(fewer))


def test_a_family_that_learns_from_no_soft_labels_refuses_a_teacher(problem, end_to_end_folders):
    with pytest.raises(RouterError, match="--teacher: irt"):
        train_router("irt", problem, RouterTrainingArguments(teacher=str(end_to_end_folders["vlc"])))
