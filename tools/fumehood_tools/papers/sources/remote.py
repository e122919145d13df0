"""All sources that are searched over the network, in the order in which results list them."""

from fumehood_tools.papers.sources.arxiv_api import ArxivSource
from fumehood_tools.papers.sources.exa import ExaSource
from fumehood_tools.papers.sources.hugging_face import HuggingFaceSource
from fumehood_tools.papers.sources.model import Source
from fumehood_tools.papers.sources.openalex import OpenAlexSource
from fumehood_tools.papers.sources.perplexity import PerplexitySource
from fumehood_tools.papers.sources.semantic_scholar import SemanticScholarSource

REMOTE: tuple[Source, ...] = (
    ArxivSource(),
    HuggingFaceSource(),
    PerplexitySource(),
    ExaSource(),
    SemanticScholarSource(),
    OpenAlexSource(),
)
