"""Names: the words of the chapter's results table that measuring and drawing share.

Below everything of the chapter; nothing here computes.
"""

from __future__ import annotations

LEARNED, FORGERIES = "writers", "writers-and-forgeries"
"""Kinds of features that were learned from other people: from whose a signature is, and from what is forged, too."""

FIXED = ("pixels", "oriented-gradients", "efficientnet-lite0")
"""Kinds that learn nothing from signatures, and have no draw."""

RIVALS = (*FIXED, "untrained")
"""Kinds that `LEARNED` is compared with."""

EER = "EER"
"""In the column `metric`: equal error rate of skilled forgeries, one threshold for all people; the mean over draws."""

OWN, PUBLISHED, RANDOM = f"{EER}, own thresholds", f"{EER}, fewer thresholds", f"{EER}, random forgeries"
"""The same with a threshold a person; over the thresholds alone that the authors look at; of other people's signatures."""

REFUSED, ACCEPTED_RANDOM, ACCEPTED_SKILLED, AUC = "FRR", "FAR, random forgeries", "FAR, skilled forgeries", "mean AUC"
"""Errors at the threshold 0 of the machines, and the mean area under the ROC curve."""

TRADE = "FRR at FAR"
"""Share of genuine signatures that are refused where `level` percent of skilled forgeries are accepted."""

VALIDATION = f"{EER}, validation"
"""Of people of the learning part who are verified for choices alone; `variant` has the choice."""

TRAINING = "writers known, training"
"""Percent of the genuine signatures to learn from whose writer the network knows, in its last epoch."""

DIFFERENCE = f"{EER} of {LEARNED} minus this"
"""Paired: the same people, the same draws."""

FEWER = f"{EER}, change by references"
"""Paired: what more references change."""

CHANGE, KEPT = f"{EER}, change", "right decisions, change"
"""Paired, of a stressed template against the whole one: in points; and in percent of the right decisions themselves."""

LINKED, CHANCE = "linked", "linked by chance"
"""People who are their own nearest neighbour in another database."""

INK, UNTAKEN = "ink lost", "pictures refused"
"""Percent of the ink that the authors' normalisation loses of what it takes; and of pictures that it refuses."""

PACKED = "one person"
"""Percent of the codec's file of one person's references, `file_bytes`, that all people share, `side_bytes`."""

HEADLINE_VALUES, COMBINED_VALUES = 27, 16
"""Values of each number in the paper's headline, and in FC of other sizes."""

MORE = ("level", "bytes", "score_low", "score_high", "file_bytes", "side_bytes", "seed")
"""Columns beside those of the schema."""


def kind_of(model: str) -> str:
    """Return the kind of features of a cell in the column `model`: what stands behind the architecture.

    Examples
    --------
    >>> from stressbook.chapters.people.signatures.names import kind_of
    >>> kind_of("signet:12/writers"), kind_of("pixels")
    ('writers', 'pixels')
    """
    return model.rpartition("/")[2]
