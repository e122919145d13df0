"""The web services of one process: one HTTP client, the API keys, and the request pacing."""

from fumehood_tools.papers.sources.model import Source
from fumehood_tools.papers.sources.perplexity import KEY as JUDGE_KEY
from fumehood_tools.settings import Settings
from fumehood_tools.web.downloads import Downloads
from fumehood_tools.web.model import Pace, Web
from fumehood_tools.web.pacing import Pacer
from fumehood_tools.web.service import HttpWeb, Keys, open_client


class Services:
    """Gives sources and judges access to their web services. Safe to share between threads."""

    def __init__(self, settings: Settings, keys: Keys) -> None:
        self._settings, self._keys = settings, keys
        self._pacer = Pacer(settings.cache / "turns")

        self._client = open_client()

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def has_key(self, variable: str) -> bool:
        """Return whether the key in this environment variable is set."""
        return variable in self._keys

    def may_judge(self) -> bool:
        """Return whether Perplexity can judge papers: we are online and its key is set."""
        return not self._settings.offline and self.has_key(JUDGE_KEY)

    def web_of(self, source: Source) -> Web:
        """Return the HTTP access to a source's service."""
        return self.web(source.pace)

    def judge_web(self) -> Web:
        """Return the HTTP access to the judge's service."""
        return self.web(Pace("perplexity", 0.05))

    def downloads(self) -> Downloads:
        """Return the downloader for files of papers."""
        return Downloads(self._client, self._pacer, tuple(self._settings.endpoints.values()))

    def web(self, pace: Pace) -> Web:
        """Return the HTTP access to the service that a pace names."""
        endpoint = self._settings.endpoints[pace.service]
        return HttpWeb(self._client, endpoint, pace, self._keys, self._pacer)
