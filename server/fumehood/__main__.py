"""`python -m fumehood` is the command `fumehood`."""

import sys

from fumehood.cli import main

sys.exit(main())
