# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures of several variants as a table with ratios to QEMU.

Used by bench.py and savebench.py.  A figure is (name in the data, text in the
table, unit, goal as a ratio, goal as a value); a run is a dictionary with
"variant", "dom0_vcpus" and a number for each figure that it has.
"""

import statistics
import sys


def summarise(data, figures):
    """Median, least and most of each figure, by vCPUs and variant."""
    result = {}
    for vcpus in sorted({one['dom0_vcpus'] for one in data}):
        table = result.setdefault(str(vcpus), {})
        for key, text, unit, goal, limit in figures:
            row = {'text': text, 'unit': unit, 'goal_ratio': goal,
                   'goal_value': limit, 'variants': {}}
            for one in data:
                if one['dom0_vcpus'] == vcpus and key in one:
                    row['variants'].setdefault(one['variant'], []) \
                        .append(one[key])
            for name, values in row['variants'].items():
                row['variants'][name] = {
                    'median': statistics.median(values),
                    'min': min(values), 'max': max(values),
                    'n': len(values)}
            base = row['variants'].get('qemu', {}).get('median')
            for cell in row['variants'].values():
                if base:
                    cell['ratio'] = cell['median'] / base
            table[key] = row
    return result


def show(figures, stream=None):
    stream = stream or sys.stdout
    for vcpus, table in figures.items():
        names = [name for name in
                 ['qemu', 'cloister', 'noshadow', 'noposted', 'nopoll']
                 if any(name in row['variants'] for row in table.values())]
        stream.write(f'\ndom0 with {vcpus} vCPU: median (least-most), and '
                     f'ratio to QEMU\n\n')
        head = f'{"":<42}{"goal":>9}'
        for name in names:
            head += f'{name:>30}' if name in ('qemu', 'cloister') \
                else f'{name:>11}'
        stream.write(head + '\n')
        for row in table.values():
            if not row['variants']:
                continue
            unit = f' [{row["unit"]}]' if row['unit'] else ''
            goal = f'{row["goal_ratio"]:.1f} x' if row['goal_ratio'] else \
                f'<= {row["goal_value"]}' if row['goal_value'] is not None \
                else ''
            line = f'{row["text"] + unit:<42}{goal:>9}'
            for name in names:
                line += cell_text(row, name)
            stream.write(line + '\n')
    stream.flush()


def cell_text(row, name):
    cell = row['variants'].get(name)
    wide = name in ('qemu', 'cloister')
    if not cell:
        return ' ' * (30 if wide else 11)
    ratio = f'{cell["ratio"]:.2f} x' if 'ratio' in cell else ''
    if not wide:
        return f'{ratio or number(cell["median"]):>11}'
    text = (f'{number(cell["median"])} ({number(cell["min"])}-'
            f'{number(cell["max"])})')
    if name == 'cloister':
        text += f' {ratio}'
        if missed(row, cell):
            text += ' !'
    return f'{text:>30}'


def missed(row, cell):
    if row['goal_ratio'] and 'ratio' in cell:
        return cell['ratio'] > row['goal_ratio']
    return row['goal_value'] is not None and \
        cell['median'] > row['goal_value']


def number(value):
    if value >= 100:
        return f'{value:.0f}'
    return f'{value:.1f}' if value >= 10 else f'{value:.2f}'
