"""Names: the words of the chapter's results table that measuring and drawing share.

Below everything of the chapter; nothing here computes.
"""

from __future__ import annotations

BENIGN = "benign"
"""In the column `variant`: images as they are. The other words there are attacks on them."""

STATIC, STEP, WIDER = "pgd", "fgsm", "pgd-wider"
"""Attacks on the network without a defence: what the extractor is shown, one step of the same radius, a larger radius."""

TRANSFERRED, ADAPTIVE, WORST = "transferred", "adaptive", "worst"
"""Attacks through somebody else's filter, and through the very one; image by image, the strongest of all of that radius."""

PARTIAL = "worst-of-two"
"""The strongest where nothing was transferred: another attack, so another name."""

ENSEMBLE = "autoattack"
"""AutoAttack through the very filter: the bar for how strong the others are."""

BOTH = "adaptive-both"
"""An attack that goes through the filter and past the detector."""

TUNING = "pgd, tuning"
"""In the column `variant`: what was tried on held-out pairs; `level` is a learning rate."""

RAW, SALIENT, TRIVIAL, DENOISER = "none", "salient", "trivial", "denoiser"
"""In the column `stress`: what the features go through before the network's last layer; or a stress of the paper."""

SHORTER = "denoiser-equal-steps"
"""The denoiser of as many steps as the extractor, which cost half as much; it is shown the attacks on the network alone."""

CONFIDENCE = "maximum-softmax"
"""In the column `stress`, of detectors: the largest probability of the network without a defence."""

DETECTOR = "detector"
"""In the column `layer`: rows of detectors. `stress` says what they look at: salient and trivial features, or raw ones."""

VALIDATION = "validation"
"""In the column `layer`: rows of held-out pairs, by which learning rates and stresses were chosen."""

AUC, MISSED, SEPARATION = "AUC", "missed", "separation-index"
"""In the column `metric`, in percent: area under the ROC curve; attacked images that are classified wrongly and raise no
alarm, where one benign image in twenty is to raise one; and the separation index."""

MORE = ("level", "seed", "images")
"""Columns beside those of the schema: radius of an attack or learning rate, seed of a training, images of the score."""
