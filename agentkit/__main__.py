"""`python -m agentkit` is `agentkit`."""

import sys

from agentkit.cli import main

sys.exit(main())
