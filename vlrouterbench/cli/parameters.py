"""A command with many options takes them as one dataclass; this spreads its fields out as the command's parameters.

Options that several commands share are defined here once: which features to make, how a family is trained.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import json
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeVar

import typer

from vlrouterbench.cli.extras import require_extras_of
from vlrouterbench.cli.help import grouped
from vlrouterbench.cli.unused_options import say_unused
from vlrouterbench.core.constants import RANK_SCORE_BETA, Unsolved
from vlrouterbench.core.errors import RouterError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from vlrouterbench.data.table import RoutingTable
    from vlrouterbench.features.encode import FeatureSet
    from vlrouterbench.features.options import EncodingWork, FeatureOptions
    from vlrouterbench.features.packed import PackedSet
    from vlrouterbench.metrics.objectives import Goal

Made = TypeVar("Made", bound="DataclassInstance")

OBJECTIVE, BACKBONE = "Objective", "End-to-end routers"
WHEN_UNFAMILIAR = typer.Option(
    metavar="ACTION",
    help="What is done with what is unlike the training samples: ignore, guard[=STANDARD_ERRORS], fallback=NAME or "
    "error, each with @LEVEL of that score (docs/unfamiliar.md), else @0.95.",
)
NUM_PROC = 2
"""Processes that encode where --num-proc is not given."""


@dataclass(frozen=True, kw_only=True)
class FeatureRequest:
    """Which features a command works on."""

    GROUP: ClassVar[str] = "Features"
    text: Annotated[
        str,
        typer.Option(
            help="Text encoder: builtin, builtin+canonical, one of a plugin, a folder, or owner/name[@revision]."
        ),
    ] = "builtin"
    image: Annotated[
        str,
        typer.Option(help="Image encoder: builtin, builtin+ocr, one of a plugin, a folder, or owner/name[@revision]."),
    ] = "builtin"
    fusion: Annotated[
        str, typer.Option(help="How the two are joined; an unknown name is answered with a list of all.")
    ] = "concat"
    modality: Annotated[
        str | None,
        typer.Option(
            metavar="text|image|both",
            help="What is read of samples; else all that the encoders, or the backbone, read.",
            show_default=False,
        ),
    ] = None
    text_weight: Annotated[float, typer.Option(help="The text's share in a weighted average.")] = 0.7
    max_length: Annotated[int | None, typer.Option(help="Longest text in tokens; else the encoder's own limit.")] = None
    image_pooling: Annotated[
        str | None,
        typer.Option(
            help="Several images of a sample: mean-max-count (the default where there are such samples), or first."
        ),
    ] = None
    device: Annotated[
        str | None, typer.Option(help="Device of pretrained encoders: cpu or cuda; else cuda if there is one.")
    ] = None
    num_proc: Annotated[int | None, typer.Option(min=1, help="Processes that encode; 2 on a CPU, 1 on a GPU.")] = None

    def feature_options(self) -> FeatureOptions:
        """The encoders and their fusion; of one modality it is the fusion of that alone."""
        from vlrouterbench.features.options import FeatureOptions, fusion_of

        return fields_of(self, FeatureOptions, fusion=fusion_of(self.modality, self.fusion))

    def work(self, **how: Any) -> EncodingWork:
        """How encoding is spread; `how` as for EncodingWork."""
        from vlrouterbench.features.options import EncodingWork

        return EncodingWork(self.num_proc or default_num_proc(self.feature_options()), **how)


@dataclass(frozen=True, kw_only=True)
class BackboneRequest(FeatureRequest):
    """Through which backbone end-to-end routers read, beside features for the other families."""

    GROUP: ClassVar[str] = BACKBONE
    backbone: Annotated[
        str,
        typer.Option(
            help="Backbone of an end-to-end router: tiny-lxmert and other tiny-*, a folder or a Hub id.",
        ),
    ] = "tiny-lxmert"
    patches: Annotated[
        str | None,
        typer.Option(
            help="ViT-style model that gives LXMERT or VisualBERT their patch tokens; else linear.",
        ),
    ] = None
    image_size: Annotated[int | None, typer.Option(help="Side of the image in pixels; else the backbone's own.")] = None
    max_images: Annotated[
        int | None,
        typer.Option(
            help="Images of a sample that a decoder reads; else as many as a training sample has, 4 at most.",
        ),
    ] = None

    def backbone_rows(self, table: RoutingTable, work: EncodingWork) -> PackedSet:
        """Images and texts as the backbone takes them."""
        from vlrouterbench.features.backbones import BackboneOptions, open_backbone
        from vlrouterbench.features.packed import pack_benchmark

        options = fields_of(self, BackboneOptions, name=self.backbone, max_tokens=self.max_length)
        return pack_benchmark(table, open_backbone(options, table), work)


@dataclass(frozen=True, kw_only=True)
class FamilyRequest(BackboneRequest):
    """How a command trains a family, on which features or through which backbone."""

    GROUP: ClassVar[str] = "How the family is trained"
    variant: Annotated[
        str, typer.Option(help="'default'; 'reference' as in the benchmark's paper; 'original' as in the router's own.")
    ] = "default"
    unsolved: Annotated[
        Unsolved | None,
        typer.Option(
            help="Samples that no candidate answers correctly: dropped, or labelled with the cheapest candidate."
        ),
    ] = None
    option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="A field of the family's configuration to fix instead of choosing it; repeat for several.",
        ),
    ] = None
    num_epochs: Annotated[int | None, typer.Option(help="At most this many epochs; else the family's own.")] = None

    def training_rows(self, family: str, table: RoutingTable, work: EncodingWork) -> FeatureSet | PackedSet:
        """What a family learns from: features, or images and texts as an end-to-end router's backbone takes them."""
        from vlrouterbench.features.encode import encode_benchmark
        from vlrouterbench.routers.registration import find_family
        from vlrouterbench.routers.registry import END_TO_END
        from vlrouterbench.training.outside import check_can_be_saved

        # First of all: a wrong name costs no time, and a family of an installed package is imported by it.
        family = find_family(family)
        check_can_be_saved(family)
        say_unused(self, family)
        if family in END_TO_END:
            return self.backbone_rows(table, work)
        return encode_benchmark(table, self.feature_options(), work)


@dataclass(frozen=True, kw_only=True)
class CostBoundsRequest:
    """Between which costs a command measures Rank Scores."""

    GROUP: ClassVar[str] = OBJECTIVE
    cost_bounds: Annotated[
        tuple[float, float] | None,
        typer.Option(
            metavar="LOW HIGH",
            help="Bounds of the Rank Score, USD per sample; else the candidates' smallest and largest mean cost.",
            show_default=False,
        ),
    ] = None

    def __post_init__(self) -> None:
        """Refuse what makes no sense before anything is read or trained."""
        self.goal()

    def goal(self) -> Goal:
        """What decisions are judged by."""
        from vlrouterbench.metrics.objectives import Goal

        return Goal(given_bounds=self.cost_bounds)


@dataclass(frozen=True, kw_only=True)
class GoalRequest(CostBoundsRequest):
    """What a command judges decisions by."""

    GROUP: ClassVar[str] = OBJECTIVE
    objective: Annotated[
        str | None,
        typer.Option(
            metavar="OBJECTIVE",
            help="rank-score, accuracy-share=0.95 (of the best single candidate's, as cheap as can be), budget=USD per "
            "sample, usd-weight=W or accuracy; else rank-score.",
            show_default=False,
        ),
    ] = None
    beta: Annotated[float, typer.Option(help="Weight of cost against accuracy in the Rank Score.")] = RANK_SCORE_BETA

    def goal(self) -> Goal:
        """What decisions are judged by."""
        from vlrouterbench.metrics.objectives import RANK_SCORE, Goal, Objective

        objective = Objective.parse(RANK_SCORE if self.objective is None else self.objective)
        return Goal(objective, self.beta, self.cost_bounds)


def fields_of(request: object, kind: type[Made], **values: Any) -> Made:
    """A dataclass made of a request's fields of the same names; those that were not given keep their defaults.

    Args:
        request: dataclass of command-line parameters.
        kind: what is made; its fields bear the names of the request's.
        values: fields that the request does not have in the form that is needed; None for the default as well.
    """
    given = {field.name: getattr(request, field.name, None) for field in dataclasses.fields(kind)} | values
    return kind(**{name: value for name, value in given.items() if value is not None and value != []})


def named_values(given: Sequence[str]) -> dict[str, Any]:
    """NAME=VALUE pairs; a value is read as JSON where it is JSON, else as text."""
    options = {}
    for pair in given:
        name, mark, value = pair.partition("=")
        if not (name and mark and value):
            raise RouterError(f'expected --option NAME=VALUE, found "{pair}".')
        try:
            options[name] = json.loads(value)
        except ValueError:
            options[name] = value
    return options


def default_num_proc(options: FeatureOptions) -> int:
    """Processes that encode where --num-proc is not given: one where a pretrained encoder uses the GPU."""
    from vlrouterbench.features.choices import uses_gpu

    return 1 if uses_gpu(options) else NUM_PROC


def options_of(request: type) -> Callable[[Callable[[Any], None]], Callable[..., None]]:
    """Turn a function of one `request` (a dataclass) into one whose parameters are the dataclass's fields.

    Args:
        request: dataclass whose fields are annotated as typer parameters; a field's default is the option's.
    """
    own = request.__dict__.get("__annotations__", {})
    hints = {
        name: grouped(hint, request, name)
        for name, hint in typing.get_type_hints(request, include_extras=True).items()
        if name != "GROUP"
    }

    def spread(command: Callable[[Any], None]) -> Callable[..., None]:
        @functools.wraps(command)
        def flat(**values: Any) -> None:
            require_extras_of(values)
            command(request(**values))

        kind = inspect.Parameter.KEYWORD_ONLY
        # What must be given comes first; of the rest, a command's own options come before those that it shares.
        fields = sorted(
            dataclasses.fields(request),
            key=lambda field: (field.default is not dataclasses.MISSING, field.name not in own),
        )
        parameters = [
            inspect.Parameter(
                field.name,
                kind,
                annotation=hints[field.name],
                default=inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default,
            )
            for field in fields
        ]
        # `inspect` and typer read it; the type of a wrapped function does not declare it.
        setattr(flat, "__signature__", inspect.Signature(parameters))  # noqa: B010
        flat.__annotations__ = {field.name: hints[field.name] for field in dataclasses.fields(request)}
        return flat

    return spread


def check_confidence(confidence: float | None, max_cost_usd: float | None) -> None:
    """Raise typer.BadParameter for a probability without the ceiling on cost that it is of."""
    if confidence is not None and max_cost_usd is None:
        raise typer.BadParameter("--cost-confidence needs --max-cost-usd, the cost that an answer is to keep to.")
