# SPDX-License-Identifier: GPL-2.0-or-later
"""Screenshots and keys over VNC, through vnctool (libvncclient).

Used by run.py; a test may run it by hand against a guest that
`xenlab run --vnc PORT --keep` left running:

	rfb.py PORT shot FILE.png
	rfb.py PORT type 'TEXT<Return>'
	rfb.py PORT size

The password, if there is one, comes in VNC_PASSWORD.
"""

import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True


class RfbError(Exception):
    """The VNC server did not do what was asked."""


def _tool(image, port, *args, password=None):
    env = dict(os.environ)
    if password is not None:
        env['VNC_PASSWORD'] = password
    try:
        done = subprocess.run([image.vnctool, f'127.0.0.1:{port}', *args],
                              env=env, capture_output=True, text=True,
                              timeout=60)
    except subprocess.TimeoutExpired as error:
        raise RfbError('the VNC server does not answer') from error
    if done.returncode:
        raise RfbError(done.stderr.strip() or 'vnctool failed')
    return done.stdout.strip()


def screenshot(image, port, path, password=None):
    """The guest's screen as a PNG; returns (width, height)."""
    from PIL import Image as Picture    # late: only screenshots need it
    with tempfile.TemporaryDirectory() as folder:
        ppm = os.path.join(folder, 'screen.ppm')
        _tool(image, port, 'shot', ppm, password=password)
        with Picture.open(ppm) as picture:
            picture.save(path, 'PNG')
            return picture.size


def type_text(image, port, text, password=None):
    """Types text; <Return>, <Escape>, <F1> ... are keys by name."""
    _tool(image, port, 'type', text, password=password)


def main():
    import image as images
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    image = images.ready()
    if not image:
        sys.exit('rfb: run xenlab setup first')
    try:
        if sys.argv[2] == 'shot':
            screenshot(image, int(sys.argv[1]), sys.argv[3])
        else:
            print(_tool(image, int(sys.argv[1]), *sys.argv[2:]))
    except RfbError as error:
        sys.exit(f'rfb: {error}')


if __name__ == '__main__':
    main()
