# SPDX-License-Identifier: GPL-2.0-or-later
"""The host's own Debian sources, for dom0's packages.

Used by image.py.  Reads what apt on this machine reads (sources.list, .list
and .sources files) and keeps the entries that carry Debian's main component
for bookworm.  It names no mirror of its own and changes nothing on the host.
"""

import glob
import os
import re
import subprocess

SUITE = 'bookworm'
PARTS = ('', '-updates', '-security', '/updates')


class AptError(Exception):
    """The host's apt configuration cannot give us the suite."""


def apt_config(key, kind='f'):
    """One value of apt-config, or '' when apt is not there."""
    try:
        out = subprocess.run(['apt-config', 'shell', 'V', key + '/' + kind],
                             capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ''
    match = re.match(r"V='(.*)'", out)
    return match.group(1) if match else ''


def host_suite():
    """Code name of the release this machine runs."""
    try:
        with open('/etc/os-release', encoding='utf-8') as file:
            match = re.search(r'^VERSION_CODENAME="?(\w+)', file.read(), re.M)
    except OSError:
        match = None
    return match.group(1) if match else ''


def _one_line(text):
    """Entries of a sources.list: (options, uri, suite, components)."""
    for line in text.splitlines():
        match = re.match(r'\s*deb\s+(?:\[([^]]*)\]\s*)?(\S+)\s+(\S+)\s*(.*)',
                         line.split('#')[0])
        if match:
            options = dict(item.split('=', 1)
                           for item in (match.group(1) or '').split()
                           if '=' in item)
            yield (options, match.group(2), match.group(3),
                   match.group(4).split(), None)


def _deb822(text):
    """Entries of a .sources file, in the same form."""
    for stanza in re.split(r'\n[ \t]*\n', text):
        fields, last = {}, None
        for line in stanza.splitlines():
            if line.startswith('#'):
                continue
            if line[:1] in (' ', '\t') and last:
                fields[last] += '\n' + line
            elif ':' in line:
                last, value = line.split(':', 1)
                last = last.strip().lower()
                fields[last] = value.strip()
        if 'deb' not in fields.get('types', '').split():
            continue
        if fields.get('enabled', 'yes').lower() in ('no', 'false', '0'):
            continue
        names = {'signed-by': 'signed-by', 'trusted': 'trusted',
                 'check-valid-until': 'check-valid-until',
                 'allow-insecure': 'allow-insecure'}
        options = {names[k]: v for k, v in fields.items() if k in names}
        for uri in fields.get('uris', '').split():
            for suite in fields.get('suites', '').split():
                yield (options, uri, suite,
                       fields.get('components', '').split(), None)


def sources():
    """deb822 text for mmdebstrap."""
    listfile = apt_config('Dir::Etc::sourcelist') or '/etc/apt/sources.list'
    parts = apt_config('Dir::Etc::sourceparts', 'd') \
        or '/etc/apt/sources.list.d'
    entries = []
    for path in [listfile] + sorted(glob.glob(os.path.join(parts, '*'))):
        try:
            with open(path, encoding='utf-8') as file:
                text = file.read()
        except OSError:
            continue
        if path.endswith('.sources'):
            entries += list(_deb822(text))
        elif path.endswith('.list'):
            entries += list(_one_line(text))

    here = host_suite()
    names = [SUITE, 'oldstable'] if here == SUITE else [SUITE]
    wanted = _select(entries, names)
    if not wanted and here:
        wanted = _select(entries, [here])
    if not any(suite == SUITE for _, _, suite in wanted):
        raise AptError(f'no Debian {SUITE} main among this machine\'s apt '
                       f'sources ({listfile}, {parts}); the lab\'s dom0 is '
                       f'made of {SUITE} packages')
    stanzas = []
    for options, uri, suite in wanted:
        lines = ['Types: deb', f'URIs: {uri}', f'Suites: {suite}',
                 'Components: main']
        lines += [f'{k.title()}: {v}' for k, v in options.items()]
        stanzas.append('\n'.join(lines) + '\n')
    return '\n'.join(stanzas)


def _select(entries, names):
    """Entries of one release that have main, under the name bookworm."""
    chosen = []
    for options, uri, suite, components, _ in entries:
        suite = suite.rstrip('/')
        for name in names:
            for part in PARTS:
                if suite == name + part and 'main' in components:
                    chosen.append((options, uri, SUITE + part))
    return chosen


def options():
    """Transport settings (proxies, certificates) as apt.conf lines."""
    try:
        dump = subprocess.run(['apt-config', 'dump', 'Acquire'],
                              capture_output=True, text=True,
                              check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return []
    keep = re.compile(r'Acquire::(http|https|ftp|tor|Retries|'
                      r'Check-Valid-Until|ForceIPv4|ForceIPv6)\b', re.I)
    return [line for line in dump.splitlines()
            if keep.match(line) and not line.endswith(' "";')]
