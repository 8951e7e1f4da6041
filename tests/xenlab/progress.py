# SPDX-License-Identifier: GPL-2.0-or-later
"""What a person sees while the lab works: stages with elapsed time.

Used by all commands.  On a terminal the stage under way is redrawn on one
line; elsewhere each finished stage is one line.  Everything goes to standard
error, so that standard output carries results only.
"""

import contextlib
import sys
import threading
import time


class Progress:
    def __init__(self, stream=sys.stderr, quiet=False):
        self.stream = stream
        self.quiet = quiet
        self.tty = stream.isatty()
        self.start = time.monotonic()
        self.lock = threading.RLock()
        self.name = None
        self.detail = ''
        self.began = 0.0
        self.times = []
        self.ticker = None

    def _elapsed(self):
        return time.monotonic() - self.start

    def _draw(self):
        width = 100
        line = (f'  {time.monotonic() - self.began:6.1f} s  {self.name}'
                + (f': {self.detail}' if self.detail else ''))
        self.stream.write('\r' + line[:width].ljust(width))
        self.stream.flush()

    def _tick(self):
        while self.name is not None:
            with self.lock:
                if self.name is not None:
                    self._draw()
            time.sleep(0.5)

    def _clear(self):
        if self.tty:
            self.stream.write('\r' + ' ' * 100 + '\r')

    def begin(self, name):
        """Starts a stage; ends the one before it."""
        with self.lock:
            if self.name == name:
                return
            self.end()
            self.name, self.detail = name, ''
            self.began = time.monotonic()
            if self.tty and not self.quiet:
                self.ticker = threading.Thread(target=self._tick, daemon=True)
                self.ticker.start()

    def end(self, how=''):
        """Ends the stage under way and prints its line."""
        with self.lock:
            if self.name is None:
                return
            took = time.monotonic() - self.began
            self.times.append((self.name, round(took, 2)))
            if not self.quiet:
                self._clear()
                self.stream.write(f'[{self._elapsed():6.1f} s] {self.name}'
                                  f'{how}: {took:.1f} s\n')
                self.stream.flush()
            self.name = None

    @contextlib.contextmanager
    def stage(self, name):
        self.begin(name)
        try:
            yield
        except BaseException:
            self.end(' failed')
            raise
        self.end()

    def say(self, detail):
        """A word about what the stage under way is doing."""
        self.detail = detail

    def note(self, text):
        """One line of its own."""
        with self.lock:
            if self.quiet:
                return
            self._clear()
            self.stream.write(f'[{self._elapsed():6.1f} s] {text}\n')
            self.stream.flush()
