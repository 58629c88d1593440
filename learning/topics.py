"""The topics of the mathematics of machine learning, one entry each.

The order is that of an introduction: linear algebra, calculus, probability, optimisation, information,
approximation, dimension, regularisation, bias and variance.  What a topic shows is derived when it is
asked for; the pictures and the demonstrations are computed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chainrule.derive.errors import InputError, near_names
from chainrule.derive.goals import gradient, hessian
from chainrule.derive.pictures.plot import Plot
from chainrule.derive.render.printed import Printed
from chainrule.derive.stationary import solve_stationary
from chainrule.learning.approximation import explain as approximation
from chainrule.learning.chart import Chart
from chainrule.learning.convexity import proximal, told
from chainrule.learning.critical import topic as saddle
from chainrule.learning.dimension import distances, volumes
from chainrule.learning.divergence.derive import divergence
from chainrule.learning.duality import examples as duals
from chainrule.learning.expectation import demonstrations, estimators, results
from chainrule.learning.explanation import Demonstration
from chainrule.learning.fitting import rate
from chainrule.learning.graphs import examples as graphs
from chainrule.learning.information import results as informed
from chainrule.learning.layers import examples
from chainrule.learning.naive_bayes import examples as naive
from chainrule.learning.naive_bayes import told as classifiers
from chainrule.learning.optimality import examples as optimal
from chainrule.learning.probability.bayes import bayes
from chainrule.learning.probability.demonstrations import base_rates, coverage, profile
from chainrule.learning.probability.penalties import penalised
from chainrule.learning.probability.questions import distribution
from chainrule.learning.reduction import demonstrations as reduced
from chainrule.learning.reduction.gradient import gradient_of_tsne
from chainrule.learning.reduction.reconstruction import smallest_error
from chainrule.learning.reduction.variance import maximum_variance
from chainrule.learning.regularisation import effects, shrinkage
from chainrule.learning.regularisation import examples as penalties
from chainrule.learning.training import digits
from chainrule.learning.training import told as together
from chainrule.learning.variational import demonstrations as variational
from chainrule.learning.variational import finite


@dataclass(frozen=True)
class Topic:
    """Something to explain.

    Attributes:
        name: what it is called on the command line.
        section: the part of the mathematics that it belongs to.
        about: one line on it.
        explain: derives it.
        plot: computes its picture, if a person would rather look.
        run: shows it on data; the argument is the seed of the random numbers.
    """

    name: str
    section: str
    about: str
    explain: Callable[[], Printed]
    plot: Callable[[], Chart | Plot] | None = None
    run: Callable[[int], Demonstration] | None = None


LINEAR_ALGEBRA = "linear algebra"
CALCULUS = "calculus and learning"
PROBABILITY = "probability"
OPTIMISATION = "optimisation"
INFORMATION = "information"
APPROXIMATION = "approximation"
DIMENSIONALITY = "dimensionality"
REGULARISATION = "regularisation"
BIAS_VARIANCE = "bias and variance"
TOGETHER = "all of it together"

topics: tuple[Topic, ...] = (
    Topic("matrix_product", LINEAR_ALGEBRA, "X @ W entry by entry: dot products, columns, rows, outer products",
          examples.matrix_product),
    Topic("dense_layer", LINEAR_ALGEBRA, "activation(input @ weights + bias): what an adjoint of its output becomes",
          examples.dense_layer),
    Topic("backpropagation", LINEAR_ALGEBRA, "from layer to layer, for any activations: the recursion of the deltas",
          examples.backpropagation),
    Topic("network", LINEAR_ALGEBRA, "a stack of layers: forward, and backpropagation layer by layer",
          examples.small_network),
    Topic("two_layer_network", LINEAR_ALGEBRA, "two dense layers: backpropagation from the loss to every weight",
          lambda: gradient("two_layer_network")),
    Topic("gradient_descent", CALCULUS, "the gradients that gradient descent follows in linear regression",
          lambda: gradient("simple_linear_regression", ["w", "b"])),
    Topic("least_squares", CALCULUS, "where the gradient of linear regression vanishes: the normal equations",
          lambda: solve_stationary("linear_regression", ["w", "b"])),
    Topic("learning_rate", CALCULUS, "the largest learning rate at which gradient descent is stable",
          rate.explanation, rate.picture, rate.demonstration),
    Topic("chain_rule", CALCULUS, "a derivative through named quantities, one factor for each",
          lambda: gradient("chain", "w1")),
    Topic("logistic_regression", PROBABILITY, "the gradient of the log-likelihood of binary labels",
          lambda: gradient("logistic_regression")),
    Topic("softmax_regression", PROBABILITY, "the gradient of the cross-entropy of several classes",
          lambda: gradient("softmax_regression")),
    Topic("maximum_likelihood", PROBABILITY, "where the gradient of the log-likelihood of a normal sample vanishes",
          lambda: distribution("normal"), profile, coverage),
    Topic("maximum_likelihood_of_probabilities", PROBABILITY, "relative frequencies, by a Lagrange multiplier",
          lambda: distribution("categorical")),
    Topic("maximum_likelihood_without_closed_form", PROBABILITY, "the likelihood equations of a gamma distribution",
          lambda: distribution("gamma")),
    Topic("observed_information", PROBABILITY, "the curvature of a log-likelihood, which standard errors come from",
          lambda: distribution("normal", "information")),
    Topic("exponential_families", PROBABILITY, "natural parameters, sufficient statistics, moments of a family",
          lambda: distribution("gamma", "family")),
    Topic("fisher_information", PROBABILITY, "the expected curvature of the log-likelihood of a normal distribution",
          lambda: distribution("normal", "fisher")),
    Topic("bayes_theorem", PROBABILITY, "how a base rate decides what a positive test means",
          lambda: bayes({"ill": "0.01"}, {"positive": {"ill": "0.99", "not ill": "0.05"}}).explanation, base_rates),
    Topic("naive_bayes", PROBABILITY, "a classifier from Bayes' theorem, conditional independence and the table",
          classifiers.explanation, naive.picture, naive.demonstration),
    Topic("graphical_models", PROBABILITY, "a directed graph: factorisation, independences, an exact posterior",
          graphs.lawn_explained, run=graphs.lawn_sampled),
    Topic("d_separation", PROBABILITY, "which paths are blocked, and how one cause explains another away",
          graphs.explaining_away, graphs.alarm_picture, graphs.alarm_sampled),
    Topic("conjugate_priors", PROBABILITY, "prior, likelihood, posterior and evidence of the rate of counts",
          lambda: distribution("poisson", "conjugate")),
    Topic("elbo", PROBABILITY, "a lower bound of log p(x), by Jensen and as an identity, and its two decompositions",
          finite.bound),
    Topic("mean_field", PROBABILITY, "a posterior of several numbers as a product: the best factor given the others",
          variational.mean_and_precision, run=variational.rounds_on_petals),
    Topic("bayesian_layer", PROBABILITY, "a layer with random weights: its bound and the gradients of one sample",
          variational.bayesian_layer, variational.layer_picture, variational.layer_on_flowers),
    Topic("vae", PROBABILITY, "a variational autoencoder: encoder and decoder from one bound",
          variational.autoencoder, variational.codes_picture, variational.autoencoder_on_digits),
    Topic("reparameterisation", PROBABILITY, "gradients through a sample, against those of the score function",
          variational.linear, run=variational.two_estimators),
    Topic("posterior_of_a_mean", PROBABILITY, "what a normal prior becomes by normal observations",
          lambda: distribution("normal", "conjugate", known=["sigma"])),
    Topic("map_ridge", PROBABILITY, "the posterior of linear regression with a normal prior: ridge", penalised),
    Topic("map_lasso", PROBABILITY, "the posterior of linear regression with a Laplace prior: lasso",
          lambda: penalised(prior="laplace")),
    Topic("logistic_hessian", OPTIMISATION, "the Hessian of logistic regression, which is positive semidefinite",
          lambda: hessian("logistic_regression", "w")),
    Topic("convexity", OPTIMISATION, "why losses are convex: curvature from part to part, by second derivatives",
          told.composition_rules),
    Topic("matrix_factorisation", OPTIMISATION, "convex in each factor, not in both: proofs and a witness",
          told.factorisation),
    Topic("kkt", OPTIMISATION, "the conditions of a projection onto the simplex, and their solution",
          optimal.projection, run=optimal.projections),
    Topic("lagrange_multipliers", OPTIMISATION, "the smallest solution of a linear system, by its multipliers",
          optimal.least_norm),
    Topic("maximum_entropy", OPTIMISATION, "the distribution of largest entropy with a given mean: exponential",
          optimal.largest_entropy, run=optimal.loaded_die),
    Topic("saddle_points", OPTIMISATION, "minima, maxima and saddle points: eigenvalues of the Hessian, and beyond",
          saddle.saddle_points, saddle.picture),
    Topic("ridge_dual", OPTIMISATION, "ridge regression by inner products of samples: the kernel trick",
          duals.ridge, run=duals.kernel_ridge),
    Topic("lasso_dual", OPTIMISATION, "the lasso's dual, whose active constraints are the weights that are not zero",
          duals.lasso, run=duals.sparse),
    Topic("svm_dual", OPTIMISATION, "the support vector machine's dual: which samples matter",
          duals.machine, duals.margin, duals.flowers),
    Topic("proximal_operators", OPTIMISATION, "soft threshold, elastic net, group penalty: 0 in the subdifferential",
          proximal.operators),
    Topic("kl_divergence", INFORMATION, "how a Kullback-Leibler divergence varies with both distributions",
          lambda: gradient("kl_divergence")),
    Topic("kl_of_normals", INFORMATION, "the divergence of two normal distributions, through the log-partition",
          lambda: divergence("normal")),
    Topic("cross_entropy", INFORMATION, "cross-entropy is entropy plus divergence",
          informed.cross_entropy, informed.binary_entropy_picture, informed.code_lengths),
    Topic("gibbs_inequality", INFORMATION, "a divergence is never negative, by log t <= t - 1",
          informed.divergence_is_not_negative),
    Topic("largest_entropy", INFORMATION, "the uniform distribution has the largest entropy",
          informed.largest_entropy, informed.binary_entropy_picture),
    Topic("mutual_information", INFORMATION, "mutual information by entropies", informed.mutual_information),
    Topic("entropy_chain_rule", INFORMATION, "the entropy of several variables, one after the other",
          informed.chain_rules),
    Topic("data_processing", INFORMATION, "what is computed from Y tells no more of X than Y does",
          informed.data_processing),
    Topic("jensen_shannon", INFORMATION, "the symmetric divergence, a mean of two divergences",
          informed.jensen_shannon),
    Topic("distillation", INFORMATION, "the gradient of a student's loss at a temperature", informed.distillation),
    Topic("label_smoothing", INFORMATION, "smoothed labels are a penalty on confidence", informed.label_smoothing),
    Topic("vae_divergence", INFORMATION, "the divergence term of a variational autoencoder, in closed form",
          informed.vae_divergence),
    Topic("universal_approximation", APPROXIMATION, "one hidden layer within any error of a function, with its units",
          approximation.universal_approximation, approximation.picture, approximation.demonstration),
    Topic("depth", APPROXIMATION, "a sawtooth: few units in many layers, exponentially many in one",
          approximation.depth, approximation.sawtooth),
    Topic("distance_concentration", DIMENSIONALITY, "squared distances in many dimensions are all nearly the same",
          distances.concentration, distances.picture, distances.demonstration),
    Topic("gaussian_distances", DIMENSIONALITY, "the same for normal coordinates",
          lambda: distances.concentration("normal(mu, s^2)")),
    Topic("uniform_distances", DIMENSIONALITY, "the same for the points of a cube",
          lambda: distances.concentration("uniform(0, 1)")),
    Topic("ball_volume", DIMENSIONALITY, "the volume of the ball, and how little of its cube it is",
          volumes.ball_in_cube, volumes.picture, volumes.volumes),
    Topic("shell_mass", DIMENSIONALITY, "nearly all of a ball lies near its surface", volumes.mass_in_the_shell,
          volumes.picture),
    Topic("sample_sizes", DIMENSIONALITY, "how many samples fill the cells of a grid", volumes.cells,
          run=volumes.occupied),
    Topic("pca_maximum_variance", DIMENSIONALITY, "principal components: the directions of largest variance",
          maximum_variance, reduced.scatter, reduced.directions),
    Topic("pca_reconstruction", DIMENSIONALITY, "principal components: the smallest error of reconstruction",
          smallest_error, reduced.scree, reduced.errors),
    Topic("tsne", DIMENSIONALITY, "the gradient of t-SNE, from its divergence to the published form",
          gradient_of_tsne, reduced.map_of_digits, reduced.maps),
    Topic("ridge", REGULARISATION, "a squared penalty divides coefficients: gradient, closed form, effect",
          effects.ridge, penalties.ridge_picture, penalties.held_out("ridge")),
    Topic("lasso", REGULARISATION, "a penalty on absolute values makes zeros: subgradients and the soft threshold",
          effects.lasso, penalties.balls, penalties.held_out("lasso")),
    Topic("shrinkage", REGULARISATION, "what ridge leaves of every singular direction; effective degrees of freedom",
          shrinkage.shrinkage, shrinkage.picture, shrinkage.demonstration),
    Topic("regularisation_path", REGULARISATION, "the coefficients by strength: where lasso's path begins, its pieces",
          effects.straight_pieces, penalties.lasso_picture, penalties.held_out("lasso")),
    Topic("bias_variance", BIAS_VARIANCE, "the expected error is bias squared plus variance plus noise",
          results.bias_variance, demonstrations.polynomial_picture, demonstrations.polynomial_fits),
    Topic("affine_variance", BIAS_VARIANCE, "the variance of a*X + b", results.affine_variance),
    Topic("variance_of_a_sum", BIAS_VARIANCE, "the variance of a weighted sum, with all covariances",
          results.variance_of_a_sum),
    Topic("sample_variance", BIAS_VARIANCE, "why the sample variance is divided by n - 1",
          results.sample_variance, run=demonstrations.sample_variance),
    Topic("total_variance", BIAS_VARIANCE, "the law of total variance, by the tower rule", results.total_variance),
    Topic("best_predictor", BIAS_VARIANCE, "no function of X predicts Y better than E[Y | X]", results.best_predictor),
    Topic("ridge_bias_variance", BIAS_VARIANCE, "mean, bias and covariance of ridge regression in closed form",
          estimators.ridge),
    Topic("averaging_models", BIAS_VARIANCE, "the error of an average of m models with correlation rho",
          results.averaging_models, demonstrations.averaging_picture, demonstrations.averaging_models),
    Topic("all_together", TOGETHER, "a network on images of digits: its layers, gradient, steps and probabilities",
          together.all_together, digits.losses, digits.demonstration),
    Topic("calibration", TOGETHER, "a temperature that makes probabilities what they say, derived and measured",
          together.calibration, digits.picture, digits.sureness),
)  # fmt: skip

BY_NAME: dict[str, Topic] = {topic.name: topic for topic in topics}


def topic(name: str) -> Topic:
    """The topic of this name.

    Raises:
        InputError: there is none.
    """
    if name not in BY_NAME:
        near = near_names(name, BY_NAME)
        raise InputError(f"there is no topic {name!r}", near=near, hint="chainrule topics lists them")
    return BY_NAME[name]


def explain(name: str) -> Printed:
    """The derivation of a topic, see ``topics``.

    Raises:
        InputError: there is no such topic.
    """
    return topic(name).explain()
