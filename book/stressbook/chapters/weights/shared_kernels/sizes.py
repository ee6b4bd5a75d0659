"""Sizes: the parameters of the published networks, counted from ours, beside what the authors' plot and code say.

For the page; nothing is measured, and no network is trained.
"""

from __future__ import annotations

import pandas as pd
import torch

from stressbook.chapters.weights.shared_kernels.trainings import count_weights
from stresslib.networks.anchored import AnchoredResNet

PLOT = {
    "DACNN14": (42.29, 0.16),
    "DACNN18": (38.64, 0.17),
    "DACNN34": (38.87, 0.17),
    "REG18": (35.39, 0.467),
    "REG24": (34.86, 0.569),
    "REG34": (33.88, 0.729),
    "MIX14": (30.55, 4.73),
    "MIX18": (27.80, 4.91),
    "MIX34": (27.73, 4.91),
    "MIX+REG18": (27.55, 5.60),
    "MIX+REG34": (26.67, 6.16),
    "VGG": (30.20, 14.89),
    "ResNet18": (27.31, 11.13),
    "ResNet34": (26.11, 21.23),
}
"""Test error in percent and millions of parameters, read off the authors' plot by the positions of its pixels."""

PLOT_FORMS = {"DACNN": "plain", "REG": "regulated", "MIX": "mixed", "MIX+REG": "mixed-regulated"}
"""Which of our forms the names before the number of layers stand for; the others share nothing."""

LAYERS_34 = (3, 4, 6, 3)


def form_of(label: str) -> str:
    """Return the form that a label of the plot stands for.

    Examples
    --------
    >>> from stressbook.chapters.weights.shared_kernels.sizes import form_of
    >>> form_of("MIX+REG18"), form_of("VGG")
    ('mixed-regulated', 'mixed-none')
    """
    return PLOT_FORMS.get(label.rstrip("0123456789"), "mixed-none")


def table() -> pd.DataFrame:
    """Return the parameters of ours at the published width and 100 classes, beside the plot's millions.

    Returns
    -------
    pandas.DataFrame
        Indexed by the labels of the plot.
    """
    resnet18, vgg = "anchored-resnet18", "anchored-vgg"
    ours = {
        "DACNN14": count_weights(f"{vgg}:128", 100),
        "DACNN18": count_weights(f"{resnet18}:128", 100),
        "DACNN34": _count_34("plain"),
        "REG18": count_weights(f"{resnet18}-regulated:128", 100),
        "REG34": _count_34("regulated"),
        "MIX14": count_weights(f"{vgg}-mixed:128", 100),
        "MIX18": count_weights(f"{resnet18}-mixed:128", 100),
        "MIX34": _count_34("mixed"),
        "MIX+REG18": count_weights(f"{resnet18}-mixed-regulated:128", 100),
        "MIX+REG34": _count_34("mixed-regulated"),
        "VGG": count_weights(f"{vgg}-mixed-none:128", 100),
        "ResNet18": count_weights(f"{resnet18}-mixed-none:128", 100),
        "ResNet34": _count_34("mixed-none"),
    }
    each = {"REG18": _count_18("regulated", "layer"), "REG34": _count_34("regulated", "layer")}
    return (
        pd.DataFrame(
            {
                "ours": pd.Series({label: f"{count:,}" for label, count in ours.items()}),
                "ours, a regulator a layer": pd.Series({label: f"{count:,}" for label, count in each.items()}),
                "the plot, millions": pd.Series({label: f"{PLOT[label][1]:g}" for label in ours}),
            }
        )
        .loc[list(ours)]
        .fillna("")
    )


def removed() -> dict[str, float]:
    """Return the percent of ResNet-18's parameters that sharing does away with, at the published width."""
    whole = count_weights("anchored-resnet18-mixed-none:128", 100)
    return {
        form: 100 * (1 - count_weights(f"anchored-resnet18{suffix}:128", 100) / whole)
        for form, suffix in (("mixed-regulated", "-mixed-regulated"), ("plain", ""))
    }


def verdict() -> str:
    """Say how far the sizes are the published ones, as a Markdown list."""
    shares = removed()
    vgg, mixed_vgg = count_weights("anchored-vgg:128", 100), count_weights("anchored-vgg-mixed:128", 100)
    block, layer = count_weights("anchored-resnet18-regulated:128", 100), _count_18("regulated", "layer")
    return (
        f"- Plain VGG form **{vgg:,}**, plain residual form of 34 layers **{_count_34('plain'):,}**, mixed VGG form "
        f"**{mixed_vgg:,}**: to the last digit what the authors' code has, of what takes part in the forward pass.\n"
        f"- Regulated: one a block gives {block:,} for 18 layers, one a layer {layer:,}. The plot's {PLOT['REG18'][1]:g} "
        "million is nearer to the second, while its mixed networks fit one a block.\n"
        f"- Against ResNet-18, a kernel a width with regulators does away with {shares['mixed-regulated']:.1f}% of the "
        f"weights, one kernel with {shares['plain']:.1f}%. The authors' second table has {REMOVED['mixed-regulated'][0]} "
        f"and {REMOVED['plain'][0]}%: what it calls pruned is, as we read it, what sharing leaves out."
    )


REMOVED = {"mixed-regulated": (49.6, 0.79), "plain": (98.5, 10.2)}
"""The authors' second table: percent of the weights that are gone, and points of accuracy that are lost."""

OTHERS = {
    "Agent pruning": ((27.1, 0.3), (37.0, 1.0), (67.9, 1.7)),
    "SM pruning": ((27.1, 1.3), (37.0, 6.9), (67.9, 6.5)),
}
"""The pruning methods beside them in that table, likewise."""


def second_table() -> pd.DataFrame:
    """Return the authors' second table, and the share of the weights that we count for the networks that share."""
    ours = {form: f"{share:.1f}" for form, share in removed().items()}
    rows = [
        ("MIX+REG", *REMOVED["mixed-regulated"], ours["mixed-regulated"]),
        ("DACNN, plain", *REMOVED["plain"], ours["plain"]),
    ]
    rows += [(label, *one, "") for label, several in OTHERS.items() for one in several]
    headings = ["network", "removed, %", "accuracy lost, points", "removed by our count, %"]
    return pd.DataFrame(rows, columns=headings).set_index("network")


def _count_34(sharing: str, regulators: str = "block") -> int:
    return _count(LAYERS_34, sharing, regulators)


def _count_18(sharing: str, regulators: str) -> int:
    return _count((2, 2, 2, 2), sharing, regulators)


def _count(blocks: tuple[int, ...], sharing: str, regulators: str) -> int:
    with torch.device("meta"):
        module = AnchoredResNet(blocks, 128, sharing, 100, regulators=regulators)
    return sum(parameter.numel() for parameter in module.parameters())
