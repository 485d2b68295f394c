"""Start the entry script as often as the module says, each time with a rank; the first that fails ends the others.

SM_DISTRIBUTED_CONFIG is `config` of the module, SM_ENTRY_SCRIPT the script; the exit code of this driver is the node's.
"""

import json
import os
import subprocess
import sys
import time

each = json.loads(os.environ["SM_DISTRIBUTED_CONFIG"])["process_count_per_node"]
first = int(os.environ["SM_CURRENT_HOST_RANK"]) * each
size = int(os.environ["SM_HOST_COUNT"]) * each
command = [sys.executable, "-u", os.environ["SM_ENTRY_SCRIPT"]]

running = [
    subprocess.Popen(command, env={**os.environ, "RANK": str(first + number), "WORLD_SIZE": str(size)})
    for number in range(each)
]
code = 0
while running and not code:
    time.sleep(0.02)
    code = next((process.poll() for process in running if process.poll()), 0)
    running = [process for process in running if process.poll() is None]
for process in running:
    process.terminate()
sys.exit(abs(code))
