"""The declarations of this package's wings. Importing this module registers their record kinds."""

from fumehood_tools.registry.kinds import RecordKind
from fumehood_tools.wings.declared import Declared, Key, Setting, register_kinds

CORE = Declared(slots={"cpu": 1})
"""Declarations that apply whichever wings are chosen."""

PAPERS = Declared(
    keys=(
        Key("PERPLEXITY_API_KEY", "searches papers and judges them"),
        Key("EXA_API_KEY", "searches papers by meaning"),
        Key("SEMANTIC_SCHOLAR_API_KEY", "searches papers; citation counts"),
        Key("OPENALEX_API_KEY", "searches papers beyond computer science; free"),
    ),
    endpoints={
        "arxiv": "https://export.arxiv.org",
        "arxiv_html": "https://arxiv.org",
        "hugging_face": "https://huggingface.co",
        "perplexity": "https://api.perplexity.ai",
        "exa": "https://api.exa.ai",
        "semantic_scholar": "https://api.semanticscholar.org",
        "openalex": "https://api.openalex.org",
    },
    slots={"read": 2},
    doctor=("fumehood_tools.doctor.papers:parts",),
)
SOURCES_GB = Setting(
    "FUMEHOOD_SOURCES_GB",
    5.0,
    "gigabytes that the cached copies of repositories and packages may take; those used longest "
    "ago are removed first, never one in use",
)
CODE = Declared(
    settings=(SOURCES_GB,),
    keys=(
        Key("GITHUB_TOKEN", "searches GitHub for a paper's code; more requests per hour"),
        Key("PERPLEXITY_API_KEY", "searches the web for a paper's code"),
        Key("EXA_API_KEY", "searches the web for a paper's code"),
    ),
    endpoints={
        "github": "https://api.github.com",
        "github_git": "https://github.com",
        "gitlab": "https://gitlab.com",
        "bitbucket": "https://bitbucket.org",
        "codeberg": "https://codeberg.org",
        "package_index": "https://pypi.org",
        "hugging_face": "https://huggingface.co",
        "perplexity": "https://api.perplexity.ai",
        "exa": "https://api.exa.ai",
    },
    slots={"code": 2},
    doctor=("fumehood_tools.doctor.code:parts",),
)
GUIDES = Declared(endpoints={"package_index": "https://pypi.org"}, slots={"guides": 1})
SANDBOX = Declared(
    keys=(Key("HF_TOKEN", "gated subject models of the hub"),),
    slots={"gpu": 1},
    doctor=("fumehood_tools.doctor.sandbox:parts",),
    # Scores by a sandbox's own evaluation, which readers must not take for ours.
    kinds=(RecordKind("custom_score", "sandboxes/*/results/*/seed*"),),
)
STUDIES = Declared(
    keys=(Key("OPENAI_API_KEY", "drives a study unattended (fumehood study run)"),),
    kinds=tuple(
        RecordKind(name, "studies/*/entries/*")
        for name in (
            *("study", "note", "plan", "experiment"),
            *("conclusion", "reflection", "holdout", "report"),
        )
    ),
)
RUNPOD_INTERFACE = Setting(
    "FUMEHOOD_RUNPOD_INTERFACE",
    "auto",
    "auto | graphql | v2: how to speak with RunPod (auto: GraphQL while it exists and its package "
    "is installed, else REST v2)",
    ("auto", "graphql", "v2"),
)
POD_MAX_COST_JOB = Setting(
    "FUMEHOOD_POD_MAX_COST_JOB", 10.0, "US dollars that one job may spend on rented GPUs"
)
POD_MAX_COST_DAY = Setting(
    "FUMEHOOD_POD_MAX_COST_DAY",
    25.0,
    "US dollars that all jobs of the workspace may spend on rented GPUs in a day (UTC)",
)
POD_IMAGE = Setting(
    "FUMEHOOD_POD_IMAGE",
    "runpod/pytorch:1.0.2-cu1281-torch280-ubuntu2404",
    "the container image of rented GPUs; it starts sshd and has Python with torch",
)
POD_HARVEST = Setting(
    "FUMEHOOD_POD_HARVEST",
    "auto",
    "auto | here | there: where activations for trainings on pods and hosts are computed (auto: "
    "there, for subjects of a billion parameters or more)",
    ("auto", "here", "there"),
)
POD_SCORING = Setting(
    "FUMEHOOD_POD_SCORING",
    "auto",
    "auto | here | there: where what was trained on pods and hosts is scored (auto: on a pod that "
    "trains nothing, or on the host, for subjects of a billion parameters or more that are "
    "harvested there)",
    ("auto", "here", "there"),
)
SKY = Setting(
    "FUMEHOOD_SKY",
    "sky",
    "SkyPilot's command, which is installed in an environment of its own; it may have arguments",
)
PODS = Declared(
    settings=(
        *(RUNPOD_INTERFACE, POD_MAX_COST_JOB, POD_MAX_COST_DAY, POD_IMAGE),
        *(POD_HARVEST, POD_SCORING, SKY),
    ),
    keys=(Key("RUNPOD_API_KEY", "rents GPUs from RunPod"),),
    endpoints={
        "runpod_graphql": "https://api.runpod.io/graphql",
        "runpod_v2": "https://api.runpod.io/v2",
    },
    slots={"pods": 4},
    doctor=("fumehood_tools.doctor.pods:parts",),
    kinds=(RecordKind("rental", "rentals/*"),),
)
HUNT = Declared(
    kinds=tuple(
        RecordKind(name, "hunts/*/entries/*")
        for name in ("hunt", "hunt_probe", "hunt_answer", "hunt_score")
    ),
)

DECLARED = (CORE, PAPERS, CODE, GUIDES, SANDBOX, STUDIES, PODS, HUNT)

register_kinds(DECLARED)
