"""The families by name, read top to bottom. A new family is one modelling file and one line here."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping

from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.families.modeling_context_mean import ContextMeanRouter
from vlrouterbench.routers.families.modeling_context_nn import ContextNNRouter
from vlrouterbench.routers.families.modeling_cosine import CosineRouter
from vlrouterbench.routers.families.modeling_irt import IRTRouter
from vlrouterbench.routers.families.modeling_kmeans import KMeansRouter
from vlrouterbench.routers.families.modeling_knn import KNNRouter
from vlrouterbench.routers.families.modeling_linear import LinearRouter
from vlrouterbench.routers.families.modeling_mlp import MLPRouter
from vlrouterbench.routers.families.modeling_ovr import OVRRouter
from vlrouterbench.routers.families.modeling_prknn import PRKNNRouter
from vlrouterbench.routers.families.modeling_prototype import PrototypeRouter
from vlrouterbench.routers.families.modeling_ridge_mf import RidgeMFRouter
from vlrouterbench.routers.families.modeling_routerdc import RouterDCRouter
from vlrouterbench.routers.families.modeling_two_tower import TwoTowerRouter
from vlrouterbench.routers.families.modeling_uniroute import UniRouteRouter
from vlrouterbench.routers.families.modeling_vlc import VLCRouter
from vlrouterbench.routers.families.modeling_vlc_estimates import VLCEstimatesRouter
from vlrouterbench.routers.families.modeling_zooter import ZooterRouter
from vlrouterbench.routers.flagship.modeling_flagship import FlagshipRouter

ROUTERS: dict[str, type[PreTrainedRouter]] = {
    "knn": KNNRouter,
    "prknn": PRKNNRouter,
    "ovr": OVRRouter,
    "kmeans": KMeansRouter,
    "prototype": PrototypeRouter,
    "linear": LinearRouter,
    "mlp": MLPRouter,
    "ridge-mf": RidgeMFRouter,
    "uniroute": UniRouteRouter,
    "irt": IRTRouter,
    "two-tower": TwoTowerRouter,
    "flagship": FlagshipRouter,
    "context-mean": ContextMeanRouter,
    "context-nn": ContextNNRouter,
}
"""Families over features."""

END_TO_END: dict[str, type[PreTrainedRouter]] = {
    "cosine": CosineRouter,
    "routerdc": RouterDCRouter,
    "zooter": ZooterRouter,
    "vlc": VLCRouter,
    "vlc-estimates": VLCEstimatesRouter,
}
"""Families that learn from pixels and text through a backbone of their own."""
FAMILIES: Mapping[str, type[PreTrainedRouter]] = ChainMap(END_TO_END, ROUTERS)
"""All of them, those over features first."""


def family_name(router: PreTrainedRouter) -> str:
    """The name of a router's family: the nearest of its classes that is one, since families are made from others.

    A class that is not registered, such as one that was loaded with a router's own code, is named by its model type.
    """
    names = (name for kind in type(router).__mro__ for name, family in FAMILIES.items() if kind is family)
    name = next(names, None)
    return router.config.model_type.removeprefix("vlrouter-") if name is None else name
