"""ZOOTER: labels are mixed with the mean label of their dataset."""

import torch

from vlrouterbench.routers.modeling_zooter import tag_smoothed


def test_smoothed_labels_by_hand():
    labels = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 0.0]])
    smoothed = tag_smoothed(labels, torch.tensor([0, 0, 1, 0]), beta=0.3)
    # Tag 0 means (0.5, 0.5) over its two samples that count; tag 1 is one sample.
    expected = torch.tensor([[0.65, 0.35], [0.35, 0.65], [1.0, 0.0], [0.0, 0.0]])
    assert torch.allclose(smoothed, expected)


def test_all_own_leaves_labels_as_they_are():
    labels = torch.tensor([[0.25, 0.75], [1.0, 0.0]])
    assert torch.equal(tag_smoothed(labels, torch.tensor([3, 3]), beta=1.0), labels)
