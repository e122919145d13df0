"""The server imports no heavy packages for the records of papers."""

import os
import subprocess
import sys


def test_findings_import_neither_numpy_nor_the_matcher_until_they_are_needed() -> None:
    code = (
        "import sys\n"
        "import fumehood_tools.paper_records.candidates, fumehood_tools.paper_records.compare\n"
        "import fumehood_tools.reading.markdown, fumehood_tools.reading.text_search\n"
        "heavy = {'numpy', 'torch', 'rapidfuzz', 'snowballstemmer', 'mcp'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "from fumehood_tools.paper_records.quotes import QuoteFinder\n"
        "from fumehood_tools.reading.document import Block, Document\n"
        "text = Block(kind='paragraph', text='Something stands here in the paper.')\n"
        "finder = QuoteFinder(Document(source='html', blocks=[text]))\n"
        "found = finder.find('Something stood here in')\n"
        "assert found.status == 'refused' and 'rapidfuzz' in sys.modules\n"
        "assert 'numpy' not in sys.modules\n"
    )
    path = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=path,
    )
    assert done.returncode == 0, done.stderr
