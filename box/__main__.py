import sys

from box.cli import main

sys.exit(main())
