"""Pages in a browser that nobody sees."""

from __future__ import annotations

import html
import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from tests.fakes.picture import Picture, picture

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
RESULT = re.compile(r'<pre id="result-of-test">(.*?)</pre>', re.DOTALL)


class Chromium(NamedTuple):
    program: str

    def run(self, page: str, script: str, *, width: int = 1200, height: int = 900, dark: bool = False) -> Any:
        """Open a page and run the body of a JavaScript function in it; what that returns, or the error it threw."""
        act = (
            "<script>(() => { let found; try { found = (() => {"
            + script
            + "})() } catch (error) { found = String(error) }"
            "const result = document.createElement('pre'); result.id = 'result-of-test';"
            "result.textContent = JSON.stringify(found); document.body.append(result) })()</script>"
        )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "page.html")
            path.write_text(page.replace("</body>", act + "</body>"))
            flags = [*FLAGS, f"--user-data-dir={folder}/profile", f"--window-size={width},{height}"]
            flags += ["--blink-settings=preferredColorScheme=0"] * dark
            done = subprocess.run(
                [self.program, *flags, "--dump-dom", path.as_uri()],
                capture_output=True,
                text=True,
                timeout=120,
                check=True,
            )
        found = RESULT.search(done.stdout)
        assert found, done.stdout[-2000:] + done.stderr
        return json.loads(html.unescape(found[1]))

    def picture(self, page: Path, *, width: int = 800, height: int = 520, dark: bool = False) -> Picture:
        """What a page, or a picture of its own, looks like."""
        with tempfile.TemporaryDirectory() as folder:
            shot = Path(folder, "page.png")
            flags = [*FLAGS, f"--user-data-dir={folder}/profile", f"--window-size={width},{height}"]
            flags += ["--blink-settings=preferredColorScheme=0"] * dark
            command = [self.program, *flags, f"--screenshot={shot}", page.absolute().as_uri()]
            subprocess.run(command, check=True, capture_output=True, timeout=120)
            return picture(shot.read_bytes())
