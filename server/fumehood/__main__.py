"""`python -m fumehood` does the same as the command `fumehood`."""

import sys

from fumehood.cli import main

sys.exit(main())
