"""The axes along which transcoders are designed: those of SAEs, and what differs. Only data.

A transcoder reads the input of an MLP and predicts its output. So encoder and decoder are in two
spaces and cannot be tied, a linear path beside the latents is a real alternative, and the MLP's own
weights are there to start from. As in axes.py, a direction is a starting point and no prediction.
"""

from fumehood_tools.studies.suggesting.axes import AXES, Axis

_OWN = (
    Axis(
        "part that is not sparse",
        "skip dense residual bias low-rank linear path affine",
        (
            "add an affine path beside the latents (skip transcoder, arXiv 2501.18823), and also "
            "compare what the latents alone explain",
            "limit the rank of the skip path, so that the latents have to explain more",
            "fit the skip path first, by least squares, and train the latents on what it leaves",
            "penalize the skip path, or let it fade in, so that it does not take the latents' part",
        ),
    ),
    Axis(
        "activation",
        "activation topk batchtopk relu jumprelu threshold gate gated nonlinearity",
        (
            "share the budget of active latents among the rows of a batch (BatchTopK, arXiv "
            "2412.06410), as tokens need different numbers of latents",
            "learn one threshold per latent, and give it a gradient (JumpReLU, arXiv 2407.14435)",
            "separate the decision whether a latent is active from how strong it is (Gated, arXiv "
            "2404.16014)",
            "use the MLP's own nonlinearity before the selection of latents",
        ),
    ),
    Axis(
        "dead latents",
        "dead revive resample auxiliary aux ghost auxk",
        (
            "change the share of the auxiliary loss on dead latents, or how many it revives",
            "train dead latents on what latents and skip path together leave",
            "move dead latents to inputs whose outputs are predicted worst",
            "find out when latents die, and change only that phase of training",
        ),
    ),
    Axis(
        "initialization",
        "initialization initialize init seed start weights neuron median",
        (
            "take encoder rows from the MLP's input weights, and decoder directions from the "
            "output weights of the same neurons",
            "set the encoder biases so that every latent starts at the wanted frequency",
            "start the decoder at 0 and the encoder at random, or the other way round",
            "start the bias of the output at its mean, or at what the skip path gives",
        ),
    ),
    Axis(
        "encoder",
        "encoder inference amortized iterative normalize norm layernorm gain",
        (
            "normalize what the encoder reads, with or without the gain of the norm before it",
            "let latents inhibit those whose decoder directions resemble theirs",
            "give the encoder a second layer for part of the dictionary",
            "limit each encoder row to the inputs that a few neurons read",
        ),
    ),
    Axis(
        "reconstruction loss",
        "loss mse huber weighted error cosine objective output logits faithful",
        (
            "weigh rows so that those with large outputs do not dominate",
            "use a loss that outliers cannot dominate, such as Huber's",
            "weigh the dimensions of the output by their variance",
            "measure direction and norm of the predicted output separately",
        ),
    ),
)
_NAMES = {axis.name: axis for axis in _OWN}

TRANSCODER_AXES = tuple(_NAMES.get(axis.name, axis) for axis in AXES)
