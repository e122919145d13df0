"""The code wing: find a paper's code, check that it is the paper's, and pack it for reading."""

from fumehood.wings.wing import Wing
from fumehood_tools.wings import table

WING = Wing(name="code", door="fumehood.doors.code", declared=table.CODE)
