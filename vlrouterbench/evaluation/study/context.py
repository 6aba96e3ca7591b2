"""What every part of a study is computed on: a benchmark, several splits of it, and routers trained on each by name.

Decisions
- Seed 0 is the benchmark's own split; another seed draws one by the same hash, so that groups stay whole.
- Encoders, training, choices on validation and the mixture on train are fitted anew for every split: those of another
  split have seen inputs of this one's test samples. Cost bounds stay the benchmark's, so do features that it brings.
- A name is a family (`mlp`), one of its variants (`flagship:without-kernel`), the label-permutation control of either
  (`shuffled/mlp`), a policy (`mixture`), a function, or what a file of decisions names (`decided.py`). Behind a family
  over features, `@` names a text encoder that stands in the place of the study's (`mlp@BAAI/bge-m3`).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from vlrouterbench.core.constants import SPLITS
from vlrouterbench.core.errors import BenchmarkError, RouterError, UnknownNameError, VLRouterBenchError, unknown_name
from vlrouterbench.data.splits import hash_split
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.policies import POLICIES
from vlrouterbench.evaluation.shuffled import shuffled_outcomes
from vlrouterbench.features.encode import FeatureSet
from vlrouterbench.features.packed import PackedSet
from vlrouterbench.features.refitting import Refitting
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.registration import FUNCTIONS, is_family, unknown_family
from vlrouterbench.routers.registry import END_TO_END, FAMILIES, ROUTERS
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import train_router
from vlrouterbench.training.problem import Problem

SHUFFLED = "shuffled/"
"""Before a family's name: its label-permutation control, trained on shuffled outcomes."""
VARIANT = ":"
"""Between a family's name and a variant's."""
ENCODER = "@"
"""Between a family's name, or its variant's, and a text encoder's."""
OWN_SPLIT = 0
"""The seed of a benchmark's own split, on which its features are fitted."""
Stage = Callable[[str], AbstractContextManager[Any]]


@dataclass(frozen=True)
class StudyContext:
    """What a study is made on.

    Attributes:
        table: the whole benchmark.
        features: of its samples.
        seeds: of splits and of training, different ones.
        stage: opens each step by its title, for progress.
        against: features of its samples with another text encoder, for parts that compare the two.
        decided: function, or router of a file of decisions -> sample id -> index in the pool.
        by_text: text encoder -> features with it, for the names that bring their own.
        rows: images and texts as end-to-end routers take them; None for a study without any.
        fine_tuning: how end-to-end routers are trained; variant and seed are the study's.
        train_samples: sizes that a learning curve goes through before the whole train split; none: halvings of it.
    """

    table: RoutingTable
    features: FeatureSet
    seeds: Sequence[int] = (0, 1, 2, 3, 4)
    stage: Stage = lambda _: nullcontext()
    against: FeatureSet | None = None
    decided: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    by_text: Mapping[str, FeatureSet] = field(default_factory=dict)
    rows: PackedSet | None = None
    fine_tuning: RouterTrainingArguments = field(default_factory=RouterTrainingArguments)
    train_samples: Sequence[int] = ()

    def splits(self) -> Iterator[tuple[int, RoutingTable]]:
        """Every seed with the benchmark under its split."""
        for seed in self.seeds:
            yield seed, resplit(self.table, seed)

    def fitted(self, names: Sequence[str]) -> Iterator[tuple[int, StudyContext, RoutingTable]]:
        """Every seed with the context whose encoders saw its train split alone, and the benchmark under its split.

        Args:
            names: of what is computed; where none of them needs features, encoders stay as they are.
        """
        needed = any(self.reads_features(name) for name in names)
        for seed, split in self.splits():
            own = self
            if needed and seed != OWN_SPLIT:
                with self.stage(f"split {seed}: fit encoders"):
                    own = self.fitted_on(split)
            yield seed, own, split

    def fitted_on(self, part: RoutingTable) -> StudyContext:
        """The context with encoders that have seen the train samples of a part alone.

        Args:
            part: some samples of the benchmark, under any split; features of others are NaN.
        """
        features, against, by_text = self._refitting
        return replace(
            self,
            features=features.on(part),
            against=None if against is None else against.on(part),
            by_text={text: each.on(part) for text, each in by_text.items()},
        )

    @property
    def refits(self) -> bool:
        """Whether encoders are fitted anew; False where the benchmark brings its features."""
        return self._refitting[0].refits

    @cached_property
    def _refitting(self) -> tuple[Refitting, Refitting | None, Mapping[str, Refitting]]:
        """Of features, of those to compare with, and of those by text encoder: what is read of inputs is kept."""
        against = None if self.against is None else Refitting(self.table, self.against)
        by_text = {text: Refitting(self.table, each) for text, each in self.by_text.items()}
        return Refitting(self.table, self.features), against, by_text

    def check_sides(self) -> None:
        """Stop before anything is trained where a split has no samples on one of its sides.

        Raises:
            BenchmarkError: it has none.
        """
        for seed, split in self.splits():
            if without := [side for side in SPLITS if side not in split.column("split")]:
                raise BenchmarkError(
                    f"expected samples in train, validation and test of every split, found none in "
                    f"{' and '.join(without)} of the one of seed {seed}. Build from more samples, or give other seeds "
                    "with --seed."
                )

    def train(self, name: str, table: RoutingTable, seed: int) -> PreTrainedRouter:
        """The router of a name, trained on a benchmark's train split and chosen on its validation.

        Args:
            name: of a family, a variant or a label-permutation control, which `check_names` has accepted.
            table: the benchmark under one split; its candidates may be fewer than the study's.
            seed: of training.
        """
        return train_router(*self.training_of(name, table, seed)).router

    def decisions_of(self, name: str, samples: RoutingTable) -> np.ndarray:
        """Indices in the pool, (num_samples,), that a function or a router of a file of decisions chose."""
        return np.array([self.decided[name][sample_id] for sample_id in samples.column("sample_id")])

    def training_of(self, name: str, table: RoutingTable, seed: int) -> tuple[str, Problem, RouterTrainingArguments]:
        """What trains the router of a name: family, problem and arguments; arguments as for `train`."""
        family, variant = family_and_variant(name)
        outcomes = shuffled_outcomes(table, seed=seed) if name.startswith(SHUFFLED) else table
        arguments = self.fine_tuning if family in END_TO_END else RouterTrainingArguments()
        arguments = replace(arguments, seed=seed, variant=variant or "default")
        return family, Problem(outcomes, self.features_of(name)), arguments

    def reads_features(self, name: str) -> bool:
        """Whether what a name stands for is computed from features."""
        if name in POLICIES or name in self.decided:
            return False
        return family_and_variant(name)[0] not in END_TO_END or self.rows is None

    def features_of(self, name: str) -> FeatureSet | PackedSet:
        """What the router of a name learns from and decides by; names as for `train`."""
        if self.rows is not None and not self.reads_features(name):
            return self.rows
        text = text_of(name)
        return self.by_text[text] if text else self.features


def resplit(table: RoutingTable, seed: int) -> RoutingTable:
    """The benchmark with the split of a seed; OWN_SPLIT is its own."""
    if seed == OWN_SPLIT:
        return table
    dataset_of: dict[str, str] = {}
    groups = table.column("group_id")
    for group, dataset in zip(groups, table.column("dataset"), strict=True):
        dataset_of.setdefault(group, dataset)
    sides = [hash_split(f"{seed}\0{dataset_of[group]}", group) for group in groups]
    position = table.samples.column_names.index("split")
    return replace(table, samples=table.samples.set_column(position, "split", pa.array(sides)))


def scored(table: RoutingTable, split: str = "test") -> RoutingTable:
    """The samples of a split that were measured for every candidate."""
    samples = table.split(split)
    return samples.take(samples.complete)


def bounds_of(table: RoutingTable) -> tuple[float, float]:
    """Cost bounds of a benchmark, USD per sample, for a part that cannot be computed without them.

    Raises:
        EvaluationError: there is no range of costs.
    """
    return table.goal.bounds_for("This part of a study")


def family_and_variant(name: str) -> tuple[str, str]:
    """Names of a router's family and of its variant, "" where it names none."""
    family, _, variant = name.removeprefix(SHUFFLED).partition(ENCODER)[0].partition(VARIANT)
    return family, variant


def text_of(name: str) -> str:
    """The text encoder that a router's name brings, "" where it brings none."""
    return name.partition(ENCODER)[2]


def check_names(routers: Sequence[str], context: StudyContext, *, over_features: bool = True) -> None:
    """Stop before any training where a name or a seed cannot be used.

    Args:
        routers: names.
        context: what the study is made on.
        over_features: whether every router is to decide by the study's own features.

    Raises:
        RouterError: as for `check_known`; or a router that reads what the context does not have.
        UnknownNameError: no such family, variant or policy.
    """
    check_known(routers, context.seeds, decided=context.decided, over_features=over_features)
    for name in routers:
        if name in context.decided:
            continue
        if family_and_variant(name)[0] in END_TO_END and context.rows is None:
            raise _not_over_features(name)
        if text_of(name) and text_of(name) not in context.by_text:
            raise _own_encoder(name)


def check_known(
    routers: Sequence[str], seeds: Sequence[int], *, decided: Container[str] = (), over_features: bool = True
) -> None:
    """Stop where names and seeds alone say that they cannot be used; nothing needs to be encoded for it.

    Args:
        routers: names.
        seeds: of splits.
        decided: names that are not trained, with decisions.
        over_features: whether every router is to decide by the study's own features.

    Raises:
        RouterError: no router or seed, or one twice; or what cannot be trained anew on every split.
        UnknownNameError: no such family, variant or policy.
    """
    for kind, given in (("router", routers), ("seed", seeds)):
        if not given or len(set(given)) < len(given):
            raise RouterError(f"expected each {kind} once and at least one, found {list(given)}.")
    for name in routers:
        family, variant = family_and_variant(name)
        if name in POLICIES or name in decided:
            continue
        if ENCODER in name and not text_of(name):
            raise RouterError(
                f'expected a text encoder behind "{ENCODER}", as in FAMILY{ENCODER}TEXT_ENCODER, found none in '
                f'"{name}". Name one, or leave "{ENCODER}" out.'
            )
        if not is_family(family):
            raise _not_trained(name, family)
        if family not in ROUTERS and over_features:
            raise _not_over_features(name)
        if text_of(name) and (family not in ROUTERS or over_features):
            raise _own_encoder(name)
        if variant and variant not in FAMILIES[family].recipes:
            raise unknown_name(f"variant of {family}", variant, FAMILIES[family].recipes)


def _not_over_features(name: str) -> RouterError:
    return RouterError(
        f'"{name}" learns end to end, and this part of a study trains families over features. Give it to the part '
        "routers alone."
    )


def _own_encoder(name: str) -> RouterError:
    return RouterError(
        f'"{name}" brings a text encoder of its own, which only families over features take, and only in the part '
        f"routers. Leave {ENCODER}{text_of(name)} out; --text is the encoder of all."
    )


def _not_trained(name: str, family: str) -> VLRouterBenchError:
    """The error for a name that no family of a study has."""
    if family in POLICIES:
        return UnknownNameError(f'"{name}": {family} is a policy, which is not trained: give its name as it is.')
    if family in FUNCTIONS:
        return RouterError(f'"{name}": {family} is a function, which is not trained: give its name as it is.')
    if Path(name).exists():
        return RouterError(
            f"expected a family or a policy, found {name}, which is trained on one split: a study trains anew on "
            "every one. Give its family, or a file of its decisions on the scored samples of all splits."
        )
    return unknown_family(family or name, *POLICIES)
