"""chainrule: derivations to read, kernels to run and verdicts to trust, from one formula.

    import chainrule as cr

    f = cr.formula("X: real[n,d]; y: real[n]; w: real[d]; mean((y - X@w)^2)")
    print(cr.gradient(f, wrt="w").text())

The names below are imported from their modules when they are first used, so that
``import chainrule`` and the command line's ``--help`` start at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from chainrule.derive.checking.evidence import Evidence, evidence
    from chainrule.derive.checking.verdict import Verdict
    from chainrule.derive.derivation import Derivation
    from chainrule.derive.errors import ChainruleError
    from chainrule.derive.formula import Formula, catalog, formula, traced
    from chainrule.derive.function_file import from_file
    from chainrule.derive.goals import fisher, gauss_newton, gradient, hessian, hvp, jacobian
    from chainrule.derive.narrative.check import Check
    from chainrule.derive.pictures.graph import Graph, graph
    from chainrule.derive.pictures.plot import Plot, plot
    from chainrule.derive.stationary import Stationary, solve_stationary
    from chainrule.derive.tracing.functions import functions
    from chainrule.derive.verify import verify
    from chainrule.kernels.elementwise import elementwise
    from chainrule.kernels.kernel import Kernel, kernel
    from chainrule.learning.approximation.network import Approximant, Unit, approximate
    from chainrule.learning.convexity.proximal import Proximal, prox
    from chainrule.learning.convexity.verdict import Convexity, convex
    from chainrule.learning.critical.points import CriticalPoint, CriticalPoints, critical_points
    from chainrule.learning.data_sets import measured_table
    from chainrule.learning.dimension.distances import concentration
    from chainrule.learning.divergence.derive import Divergence, divergence, divergence_at
    from chainrule.learning.duality.conjugate import Conjugate, conjugate
    from chainrule.learning.duality.duals import DualProblem, dual
    from chainrule.learning.expectation.derive import Expectation, expectation
    from chainrule.learning.explanation import Explanation
    from chainrule.learning.fitting.descent import Method
    from chainrule.learning.fitting.fit import Fit, fit
    from chainrule.learning.fitting.tables import arrays_of, read_table
    from chainrule.learning.graphs.inference import Query
    from chainrule.learning.graphs.model import GraphicalModel, graphical_model
    from chainrule.learning.graphs.separations import Separation
    from chainrule.learning.information.derive import Information, information
    from chainrule.learning.layers.network import Network, network
    from chainrule.learning.layers.products import entries
    from chainrule.learning.losses.facts import loss
    from chainrule.learning.losses.record import LossFacts
    from chainrule.learning.losses.table import losses
    from chainrule.learning.naive_bayes.classifier import NaiveBayes, naive_bayes
    from chainrule.learning.naive_bayes.report import Report, classify_table
    from chainrule.learning.optimality.kkt import Kkt, kkt
    from chainrule.learning.probability.bayes import Posterior, bayes
    from chainrule.learning.probability.data import observations
    from chainrule.learning.probability.estimates import Estimate, estimate
    from chainrule.learning.probability.penalties import penalised
    from chainrule.learning.probability.questions import distribution
    from chainrule.learning.probability.scores import FisherMatrix, fisher_matrix
    from chainrule.learning.reduction.components import Components, pca
    from chainrule.learning.reduction.embedding import Embedding, tsne
    from chainrule.learning.regularisation.path import Path, path
    from chainrule.learning.topics import Topic, explain, topic, topics
    from chainrule.learning.training.calibration import Reliability, diagram, reliability, temperature
    from chainrule.learning.training.minibatch import Training, train
    from chainrule.learning.variational.derive import Elbo, elbo
    from chainrule.learning.variational.mean_field import MeanField, mean_field

#: The module that each public name is imported from.
_MODULES = {
    "Approximant": "chainrule.learning.approximation.network",
    "ChainruleError": "chainrule.derive.errors",
    "Check": "chainrule.derive.narrative.check",
    "Components": "chainrule.learning.reduction.components",
    "Conjugate": "chainrule.learning.duality.conjugate",
    "Convexity": "chainrule.learning.convexity.verdict",
    "CriticalPoint": "chainrule.learning.critical.points",
    "CriticalPoints": "chainrule.learning.critical.points",
    "Derivation": "chainrule.derive.derivation",
    "DualProblem": "chainrule.learning.duality.duals",
    "Divergence": "chainrule.learning.divergence.derive",
    "Embedding": "chainrule.learning.reduction.embedding",
    "Elbo": "chainrule.learning.variational.derive",
    "Estimate": "chainrule.learning.probability.estimates",
    "Evidence": "chainrule.derive.checking.evidence",
    "Expectation": "chainrule.learning.expectation.derive",
    "Explanation": "chainrule.learning.explanation",
    "FisherMatrix": "chainrule.learning.probability.scores",
    "Fit": "chainrule.learning.fitting.fit",
    "Formula": "chainrule.derive.formula",
    "Graph": "chainrule.derive.pictures.graph",
    "GraphicalModel": "chainrule.learning.graphs.model",
    "Information": "chainrule.learning.information.derive",
    "Kernel": "chainrule.kernels.kernel",
    "Kkt": "chainrule.learning.optimality.kkt",
    "LossFacts": "chainrule.learning.losses.record",
    "MeanField": "chainrule.learning.variational.mean_field",
    "Method": "chainrule.learning.fitting.descent",
    "Network": "chainrule.learning.layers.network",
    "Path": "chainrule.learning.regularisation.path",
    "NaiveBayes": "chainrule.learning.naive_bayes.classifier",
    "Plot": "chainrule.derive.pictures.plot",
    "Posterior": "chainrule.learning.probability.bayes",
    "Proximal": "chainrule.learning.convexity.proximal",
    "Query": "chainrule.learning.graphs.inference",
    "Report": "chainrule.learning.naive_bayes.report",
    "Separation": "chainrule.learning.graphs.separations",
    "Reliability": "chainrule.learning.training.calibration",
    "Stationary": "chainrule.derive.stationary",
    "Topic": "chainrule.learning.topics",
    "Training": "chainrule.learning.training.minibatch",
    "Unit": "chainrule.learning.approximation.network",
    "Verdict": "chainrule.derive.checking.verdict",
    "approximate": "chainrule.learning.approximation.network",
    "arrays_of": "chainrule.learning.fitting.tables",
    "bayes": "chainrule.learning.probability.bayes",
    "catalog": "chainrule.derive.formula",
    "classify_table": "chainrule.learning.naive_bayes.report",
    "concentration": "chainrule.learning.dimension.distances",
    "diagram": "chainrule.learning.training.calibration",
    "distribution": "chainrule.learning.probability.questions",
    "conjugate": "chainrule.learning.duality.conjugate",
    "convex": "chainrule.learning.convexity.verdict",
    "divergence": "chainrule.learning.divergence.derive",
    "divergence_at": "chainrule.learning.divergence.derive",
    "critical_points": "chainrule.learning.critical.points",
    "elbo": "chainrule.learning.variational.derive",
    "dual": "chainrule.learning.duality.duals",
    "elementwise": "chainrule.kernels.elementwise",
    "entries": "chainrule.learning.layers.products",
    "estimate": "chainrule.learning.probability.estimates",
    "evidence": "chainrule.derive.checking.evidence",
    "expectation": "chainrule.learning.expectation.derive",
    "explain": "chainrule.learning.topics",
    "fisher": "chainrule.derive.goals",
    "fisher_matrix": "chainrule.learning.probability.scores",
    "fit": "chainrule.learning.fitting.fit",
    "formula": "chainrule.derive.formula",
    "from_file": "chainrule.derive.function_file",
    "functions": "chainrule.derive.tracing.functions",
    "gauss_newton": "chainrule.derive.goals",
    "gradient": "chainrule.derive.goals",
    "graph": "chainrule.derive.pictures.graph",
    "graphical_model": "chainrule.learning.graphs.model",
    "hessian": "chainrule.derive.goals",
    "hvp": "chainrule.derive.goals",
    "information": "chainrule.learning.information.derive",
    "jacobian": "chainrule.derive.goals",
    "kernel": "chainrule.kernels.kernel",
    "kkt": "chainrule.learning.optimality.kkt",
    "loss": "chainrule.learning.losses.facts",
    "losses": "chainrule.learning.losses.table",
    "measured_table": "chainrule.learning.data_sets",
    "network": "chainrule.learning.layers.network",
    "naive_bayes": "chainrule.learning.naive_bayes.classifier",
    "mean_field": "chainrule.learning.variational.mean_field",
    "observations": "chainrule.learning.probability.data",
    "pca": "chainrule.learning.reduction.components",
    "path": "chainrule.learning.regularisation.path",
    "penalised": "chainrule.learning.probability.penalties",
    "plot": "chainrule.derive.pictures.plot",
    "read_table": "chainrule.learning.fitting.tables",
    "prox": "chainrule.learning.convexity.proximal",
    "reliability": "chainrule.learning.training.calibration",
    "solve_stationary": "chainrule.derive.stationary",
    "temperature": "chainrule.learning.training.calibration",
    "topic": "chainrule.learning.topics",
    "topics": "chainrule.learning.topics",
    "train": "chainrule.learning.training.minibatch",
    "traced": "chainrule.derive.formula",
    "tsne": "chainrule.learning.reduction.embedding",
    "verify": "chainrule.derive.verify",
}

__all__ = [
    "Approximant",
    "ChainruleError",
    "Check",
    "Components",
    "Conjugate",
    "Convexity",
    "CriticalPoint",
    "CriticalPoints",
    "Derivation",
    "Divergence",
    "DualProblem",
    "Elbo",
    "Embedding",
    "Estimate",
    "Evidence",
    "Expectation",
    "Explanation",
    "FisherMatrix",
    "Fit",
    "Formula",
    "Graph",
    "GraphicalModel",
    "Information",
    "Kernel",
    "Kkt",
    "LossFacts",
    "MeanField",
    "Method",
    "NaiveBayes",
    "Network",
    "Path",
    "Plot",
    "Posterior",
    "Proximal",
    "Query",
    "Reliability",
    "Report",
    "Separation",
    "Stationary",
    "Topic",
    "Training",
    "Unit",
    "Verdict",
    "approximate",
    "arrays_of",
    "bayes",
    "catalog",
    "classify_table",
    "concentration",
    "conjugate",
    "convex",
    "critical_points",
    "diagram",
    "distribution",
    "divergence",
    "divergence_at",
    "dual",
    "elbo",
    "elementwise",
    "entries",
    "estimate",
    "evidence",
    "expectation",
    "explain",
    "fisher",
    "fisher_matrix",
    "fit",
    "formula",
    "from_file",
    "functions",
    "gauss_newton",
    "gradient",
    "graph",
    "graphical_model",
    "hessian",
    "hvp",
    "information",
    "jacobian",
    "kernel",
    "kkt",
    "loss",
    "losses",
    "mean_field",
    "measured_table",
    "naive_bayes",
    "network",
    "observations",
    "path",
    "pca",
    "penalised",
    "plot",
    "prox",
    "read_table",
    "reliability",
    "solve_stationary",
    "temperature",
    "topic",
    "topics",
    "traced",
    "train",
    "tsne",
    "verify",
]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Import a public name from its module (PEP 562)."""
        if name not in _MODULES:
            raise AttributeError(f"module 'chainrule' has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_MODULES[name]), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
