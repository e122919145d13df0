"""The axes along which SAEs are designed, each with directions in which one can start. Only data.

Curated by hand from what the papers behind the packaged variants vary, and what they leave open. A
direction is a starting point and not a prediction: whether it helps is for the study to find out.
"""

from typing import NamedTuple


class Axis(NamedTuple):
    """One design decision. words: what a text about it mentions. directions: four of them."""

    name: str
    words: str
    directions: tuple[str, str, str, str]


AXES = (
    Axis(
        "activation",
        "activation topk batchtopk relu jumprelu threshold gate gated nonlinearity",
        (
            "learn one threshold per latent, and give it a gradient (JumpReLU, arXiv 2407.14435)",
            "share the budget of active latents among the rows of a batch, or among groups of rows "
            "(BatchTopK, arXiv 2412.06410)",
            "separate the decision whether a latent is active from how strong it is (Gated, arXiv "
            "2404.16014), with fewer shared weights",
            "select latents one after another, each on what the former ones left unexplained",
        ),
    ),
    Axis(
        "sparsity penalty",
        "penalty l1 l0 norm sparsity regularizer entropy hoyer tanh logarithmic",
        (
            "replace L1 by a penalty that saturates, so that strong latents are not shrunk",
            "let the exponent of the penalty fall during training (p-annealing, arXiv 2408.00113)",
            "penalize how often a latent is active in a batch instead of how strongly",
            "control the penalty by the measured L0, so that a target is held during training",
        ),
    ),
    Axis(
        "decoder constraint",
        "decoder norm unit orthogonal orthogonality column constraint coherence",
        (
            "leave the norms of decoder directions free, and weigh the penalty by them",
            "push decoder directions of latents that are active together apart",
            "keep the decoder at unit norm on the manifold: remove the gradient along each column",
            "limit the rank or the number of entries of each decoder direction",
        ),
    ),
    Axis(
        "optimizer",
        "optimizer adam momentum beta gradient lr learning rate muon sgd clipping",
        (
            "turn off momentum for latents that are rarely active, whose average is stale",
            "give encoder and decoder different learning rates",
            "scale a latent's learning rate by how often it was active",
            "orthogonalize or normalize the update of each matrix before it is applied",
        ),
    ),
    Axis(
        "initialization",
        "initialization initialize init seed start tied geometric median",
        (
            "take the first decoder directions from activations of the data instead of at random",
            "set the encoder biases so that every latent starts at the wanted frequency",
            "start the decoder with small norms, and the encoder as its transpose, scaled",
            "start from directions that explain what the mean and the main components leave",
        ),
    ),
    Axis(
        "schedule",
        "schedule anneal warmup decay curriculum ramp",
        (
            "begin with many active latents and lower their number to the target",
            "raise the penalty only after the reconstruction has settled",
            "let the learning rate fall to zero over most of the training instead of its end",
            "freeze the encoder for the last steps and train the decoder alone",
        ),
    ),
    Axis(
        "structure of the dictionary",
        "structure matryoshka nested hierarchy hierarchical group tree expert switch block",
        (
            "nest dictionaries of growing size, each of which must reconstruct (Matryoshka)",
            "let groups of latents share a gate, so that they are active together",
            "route every row to a few blocks of the dictionary, and train only these",
            "let a latent be active only if its parent is",
        ),
    ),
    Axis(
        "dead latents",
        "dead revive resample auxiliary aux ghost auxk",
        (
            "train dead latents on the error of the live ones (as TopK does), with another share",
            "move dead latents to rows that are reconstructed worst",
            "raise the bias of rare latents and lower that of frequent ones, outside of the loss",
            "find out when latents die, and change only that phase of training",
        ),
    ),
    Axis(
        "encoder",
        "encoder inference amortized iterative ista pursuit mlp deep layer",
        (
            "refine the latents by one or two steps of iterative thresholding, with shared weights",
            "let latents inhibit those whose decoder directions resemble theirs",
            "normalize what the encoder reads, and give the scale back after the decoder",
            "tie the encoder to the decoder for part of the training, then release it",
        ),
    ),
    Axis(
        "reconstruction loss",
        "loss reconstruction mse huber weighted error cosine objective",
        (
            "weigh rows so that those with large norms do not dominate",
            "measure direction and norm of a reconstruction separately",
            "use a loss that outliers cannot dominate, such as Huber's",
            "weigh the dimensions of the activations by their variance",
        ),
    ),
    Axis(
        "regularization",
        "dropout noise weight decay ema average regularization augmentation",
        (
            "drop active latents at random during training, so that none relies on another",
            "add noise to the latents, so that only their large values carry information",
            "average the weights over the last part of training",
            "add noise to the activations, and reconstruct the clean ones",
        ),
    ),
    Axis(
        "part that is not sparse",
        "dense residual bias low-rank linear skip mean pca affine",
        (
            "let a low-rank linear map explain what is dense, and the latents only the rest",
            "give a bias to each of a few clusters of activations",
            "remove the main components before the encoder, and add them back",
            "keep a few latents out of the count and always active, and see what the others lose",
        ),
    ),
)
