"""Effects: what was expected of each defence before the run, and what came of it, judged by one rule.

From the table of `measure` to the numbers and sentences of the page; `page` draws them.
"""

from __future__ import annotations

from dataclasses import dataclass

from stressbook.chapters.images.salient_features.names import (
    ADAPTIVE,
    AUC,
    BENIGN,
    BOTH,
    CONFIDENCE,
    DENOISER,
    MISSED,
    RAW,
    SALIENT,
    STATIC,
    STEP,
    WIDER,
    WORST,
)

ACCEPTED = 1.0
"""Points of benign accuracy that a defence may cost and still count as not lower."""

BROKEN = 0.5
"""A defence is broken where the strongest attack leaves less than this share of its accuracy on benign images."""


@dataclass(frozen=True)
class Expectation:
    """What was expected before the run.

    Attributes
    ----------
    part : {"fixed", "adaptive", "detector", "stress", "layers"}
    metric : str
    variant : str
        The attack, or images as they are.
    stress : str
        The filter, or what the detector looks at; "paper" stands for each stress of the paper.
    than : str
        The one that it is compared with; empty: the same one under the attack `than_variant`.
    than_variant : str
        Empty: `variant`.
    sign : {-1, 0, 1}
        It is lower, not lower by more than :data:`ACCEPTED`, or higher.
    said : str
        Whose words these are, or why we expect it.
    """

    part: str
    metric: str
    variant: str
    stress: str
    than: str
    than_variant: str
    sign: int
    said: str


PAPER = "paper"

EXPECTED = (
    Expectation("fixed", "accuracy", STATIC, SALIENT, RAW, "", 1, "the claim of the authors"),
    Expectation("fixed", "accuracy", BENIGN, SALIENT, RAW, "", 0, "a defence must not cost what it guards"),
    Expectation("fixed", "accuracy", STEP, SALIENT, RAW, "", 1, "an attack that it was not shown"),
    Expectation("fixed", "accuracy", WIDER, SALIENT, RAW, "", 1, "an attack that it was not shown"),
    Expectation("fixed", "accuracy", STATIC, SALIENT, DENOISER, "", 1, "what a discriminator is there for"),
    Expectation("adaptive", "accuracy", ADAPTIVE, SALIENT, SALIENT, STATIC, -1, "who knows the filter goes through it"),
    Expectation("adaptive", "accuracy", WORST, SALIENT, RAW, "", 1, "what is left of the claim"),
    Expectation("adaptive", "accuracy", WORST, SALIENT, DENOISER, "", 1, "what a discriminator is there for"),
    Expectation("detector", AUC, STATIC, SALIENT, RAW, "", 1, "the claim of the authors"),
    Expectation("detector", AUC, STATIC, SALIENT, CONFIDENCE, "", 1, "the claim of the authors"),
    Expectation("detector", AUC, STEP, SALIENT, RAW, "", 1, "an attack that it was not shown"),
    Expectation("detector", AUC, STEP, SALIENT, CONFIDENCE, "", 1, "an attack that it was not shown"),
    Expectation("detector", MISSED, BOTH, SALIENT, RAW, "", -1, "who knows filter and detector goes past both"),
    Expectation("stress", "accuracy", STATIC, PAPER, SALIENT, "", -1, "a stress is not shown the attack"),
    Expectation("stress", "accuracy", WORST, PAPER, RAW, "", 1, "what a cheaper filter would have to do"),
)
"""Written before the run. The claim of the authors is expected to hold wherever they make one."""
