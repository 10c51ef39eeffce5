"""The nearest neighbours of points, found once among all and looked up for parts of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

# A half holds five of 32 neighbours but for rare cases, also where neighbours come in groups, as variants do.
MOST = 32


@dataclass(frozen=True)
class Neighbours:
    """Of points (N, D) the T nearest of others (M, D).

    distances, rows (of others): (N, T), in rising order of distance. same: whether both sets are one, in which no point
    is its own neighbour, though its twin is. families: (N,) then, no point's neighbour being of its own; None: each
    point is one.
    """

    points: Tensor
    others: Tensor
    same: bool
    distances: Tensor
    rows: Tensor
    families: Tensor | None = None

    def among(self, points: Tensor, others: Tensor, ks: Sequence[int]) -> Tensor:
        """Distances from some points, rows (n,), to their k-th nearest of some others, rows (m,): (n, number of ks).

        ks: in rising order, none above the number of neighbours that there are. O(n T), but O(n m D) for those points
        of whose T neighbours too few are among the others.
        """
        chosen = torch.zeros(len(self.others), dtype=torch.bool, device=others.device)
        chosen[others] = True
        count = chosen[self.rows[points]].cumsum(1)  # (n, T): so many of the nearest t are chosen
        at = torch.stack([(count < k).sum(1) for k in ks], 1)  # (n, number of ks); T where too few are
        found = self.distances[points].gather(1, at.clamp_max(self.rows.shape[1] - 1))
        short = (count[:, -1] < ks[-1]).nonzero()[:, 0]
        if len(short):
            own = points[short]
            distances = torch.cdist(self.points[own], self.others[others])
            if self.families is not None:
                distances[self.families[own][:, None] == self.families[others]] = torch.inf
            elif self.same:
                distances[own[:, None] == others] = torch.inf
            nearest = distances.topk(ks[-1], largest=False).values
            found[short] = nearest[:, [k - 1 for k in ks]]
        return found


def neighbours(
    points: Tensor,
    others: Tensor | None = None,
    block: int = 512,
    most: int = MOST,
    families: Tensor | None = None,
) -> Neighbours:
    """The nearest of others (M, D) or, without them, of the points (N, D) themselves; float64.

    families: (N,), equal for points that are variants of one thing, without others: a point's neighbours are then of
    other families. Where there are too few of those, what is missing is infinitely far.
    `block` bounds the memory, and `most` is how many are found of each; both leave what is looked up alone.
    """
    same, targets = others is None, points if others is None else others
    count = min(most, len(targets) - same)
    distances, rows = [], []
    for start in range(0, len(points), block):
        apart = torch.cdist(points[start : start + block], targets)  # (B, M)
        if families is not None:
            apart[families[start : start + block, None] == families] = torch.inf
        elif same:
            apart.diagonal(start).fill_(torch.inf)
        nearest = apart.topk(count, largest=False)
        distances.append(nearest.values)
        rows.append(nearest.indices)
    return Neighbours(points, targets, same, torch.cat(distances), torch.cat(rows), families)


def used(features: Tensor, rows: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Those of the features (N, D) that some rows name, as float64, and the rows as their numbers among them."""
    found = torch.cat([*rows]).unique()
    return features[found].double(), [torch.searchsorted(found, own) for own in rows]
