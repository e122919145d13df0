"""The log of a pod as a stream of server-sent events, which stays open while the pod lives."""

import json
from collections.abc import Mapping

from aiohttp import web

from fakes.runpod.orders import Refused
from fakes.runpod.pod import Line, Pod

TAIL, MOST = 100, 5_000
HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-cache",
    "Connection": "keep-alive",
    "X-Accel-Buffering": "no",
}


async def stream_logs(
    request: web.Request, pod: Pod, headers: Mapping[str, str]
) -> web.StreamResponse:
    """Send what the query asks for and then every new line. Raises Refused."""
    source = request.query.get("source")
    if source not in (None, "container", "system"):
        raise Refused(422, "source must be container or system")
    first = _first(request, pod, source)
    answer = web.StreamResponse(headers={**HEADERS, **headers})
    await answer.prepare(request)
    sent = first
    while True:
        pod.news.clear()
        fresh, sent = pod.log[sent:], len(pod.log)
        text = "".join(_event(line) for line in fresh if source in (None, line.source))
        try:
            if text:
                await answer.write(text.encode())
        except ConnectionResetError:
            return answer  # the client has read enough
        if pod.is_gone:
            return answer
        if sent == len(pod.log):
            await pod.news.wait()


def _first(request: web.Request, pod: Pod, source: str | None) -> int:
    """Return the number of the first line to send."""
    last, since = request.headers.get("Last-Event-ID"), request.query.get("since")
    if last is not None:
        return sum(line.id <= last for line in pod.log)
    if since is not None:
        return sum(line.ts < since for line in pod.log)
    tail = request.query.get("tail", str(TAIL))
    if not tail.isdecimal() or int(tail) > MOST:
        raise Refused(422, f"tail must be an integer from 0 to {MOST}")
    places = [place for place, line in enumerate(pod.log) if source in (None, line.source)]
    if int(tail) == 0 or not places:
        return len(pod.log)
    return places[-int(tail) :][0]


def _event(line: Line) -> str:
    data = {"ts": line.ts, "source": line.source, "line": line.text}
    return f"id: {line.id}\ndata: {json.dumps(data)}\n\n"
