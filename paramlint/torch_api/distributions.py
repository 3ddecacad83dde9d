"""What the distributions of torch's are made with; kept by hand, since their signatures do not tell tensors from settings."""

from __future__ import annotations

_KINDS: dict[str, tuple[str, ...]] = {
    "Normal": ("loc", "scale"),
    "LogNormal": ("loc", "scale"),
    "Laplace": ("loc", "scale"),
    "Cauchy": ("loc", "scale"),
    "Uniform": ("low", "high"),
    "HalfNormal": ("scale",),
    "Gamma": ("concentration", "rate"),
    "Beta": ("concentration1", "concentration0"),
    "Dirichlet": ("concentration",),
    "Exponential": ("rate",),
    "Poisson": ("rate",),
    "StudentT": ("df", "loc", "scale"),
    "MultivariateNormal": ("loc", "covariance_matrix", "precision_matrix", "scale_tril"),
    "Bernoulli": ("probs", "logits"),
    "Categorical": ("probs", "logits"),
    "OneHotCategorical": ("probs", "logits"),
}

distribution_parameters: dict[str, tuple[str, ...]] = {
    f"torch.distributions.{name}": parameters for name, parameters in _KINDS.items()
}
"""By canonical name, the arguments that are tensors, or numbers of which torch makes tensors, in order.

They are kept under the same names: views of what was given, or tensors on the default device where all are numbers
(torch/distributions/utils.py, ``broadcast_all``).
"""
