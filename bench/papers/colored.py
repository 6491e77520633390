"""How many lines of a server each coloring step has changed."""
import re
import subprocess
import sys


def colored_lines(context, server):
    """The number of lines of each step, and of how many."""
    top = context.bench.parent
    said = subprocess.run([sys.executable, top / 'tools/colored_lines', top / 'examples' / server],
                          text=True, capture_output=True, check=True).stdout
    return {'lines': {step: int(count)
                      for step, count in re.findall(r'^(\w+) +(\d+)$', said, re.M)},
            'of': int(re.search(r'of (\d+)', said)[1])}
