"""A headless Chromium, driven over its DevTools protocol."""

import base64
import json
import os
import shutil
import subprocess
import urllib.request
from pathlib import Path

import websocket

from waiting import PATIENCE, until

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
]


class Browser:
    """One browser with one page."""

    def __init__(self, folder: Path) -> None:
        assert CHROMIUM, "chromium is missing; DRIFTLESS_WITHOUT_CHROMIUM=1 goes without it"
        folder.mkdir(parents=True)
        self.log = (folder / "chromium.log").open("wb")
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder)}
        self.process = subprocess.Popen(
            [CHROMIUM, *FLAGS, f"--user-data-dir={folder / 'profile'}", "about:blank"],
            env=environment, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
        )
        says = folder / "profile" / "DevToolsActivePort"
        port = until("the browser says its port", lambda: says.exists() and says.read_text().partition("\n")[0])

        def page() -> str | None:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=PATIENCE) as answer:
                pages = [it for it in json.load(answer) if it["type"] == "page"]
            return pages[0]["webSocketDebuggerUrl"] if pages else None

        self.socket = websocket.create_connection(until("the browser has a page", page), timeout=PATIENCE)
        self.number = 0
        self.faults: list[str] = []
        for domain in ["Page", "Runtime", "Log", "Network"]:
            self.call(f"{domain}.enable")

    def stop(self) -> None:
        self.socket.close()
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.log.close()

    def call(self, method: str, **parameters: object) -> dict:
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        while True:
            said = json.loads(self.socket.recv())
            if said.get("id") == self.number:
                assert "error" not in said, f"{method}: {said['error']}"
                return said["result"]
            self.note(said)

    def note(self, said: dict) -> None:
        """Keeps what a person would see in the console as an error, and every dialog."""
        told = said.get("params", {})
        match said.get("method"):
            case "Runtime.exceptionThrown":
                self.faults.append(json.dumps(told["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if told["type"] in ("error", "assert"):
                self.faults.append(json.dumps(told["args"]))
            case "Log.entryAdded" if told["entry"]["level"] == "error":
                self.faults.append(json.dumps(told["entry"]))
            case "Page.javascriptDialogOpening":
                self.faults.append(f"a dialog: {told['message']}")

    def run(self, expression: str) -> object:
        """The value of an expression; promises are awaited."""
        result = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def until(self, what: str, expression: str) -> object:
        return until(what, lambda: self.run(expression))

    def look(self, *, width: int = 1280, height: int = 900, dark: bool = False, scripts: bool = True) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)

    def open(self, address: str) -> None:
        self.run("window.gone = true")
        said = self.call("Page.navigate", url=address)
        assert "errorText" not in said, said
        self.until(f"{address} is loaded", "!window.gone && document.readyState === 'complete'")

    def press(self, key: str, code: int) -> None:
        for kind in ["keyDown", "keyUp"]:
            text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)

    def picture(self, file: Path, whole: bool = False) -> None:
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(base64.b64decode(shot["data"]))
