#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Make src/format/deid_table.c from the table of PS3.15 Annex E as tab-separated text.

usage: mkdeid.py TABLE.tsv >src/format/deid_table.c

Columns: tag, name, basic profile, in a standard IOD, and the options: safe private, UIDs, device, institution,
patient characteristics, full dates, modified dates, descriptors, structured content, graphics.
"""
import sys

ACTIONS = {'X': 'DEID_REMOVE', 'Z': 'DEID_EMPTY', 'D': 'DEID_DUMMY', 'U': 'DEID_UID',
           'X/Z': 'DEID_EMPTY', 'X/D': 'DEID_DUMMY', 'X/Z/D': 'DEID_DUMMY', 'Z/D': 'DEID_DUMMY',
           'X/Z/U*': 'DEID_ITEMS'}
OPTIONS = [(5, 'UIDS'), (6, 'DEVICE'), (7, 'INSTITUTION'), (8, 'PATIENT'), (9, 'DATES'), (10, 'SHIFT_DATES'),
           (11, 'DESCRIPTORS')]


def row(cells):
    tag = cells[0].upper()
    if not tag.replace('X', '0').replace(',', '').isalnum() or len(tag) != 9:
        return None
    value, mask = 0, 0
    for c in tag.replace(',', ''):
        value = value << 4 | (0 if c == 'X' else int(c, 16))
        mask = mask << 4 | (0 if c == 'X' else 15)
    if tag.startswith(('50XX', '60XX')):        # even groups of the range
        mask |= 0
    options = ' | '.join('DEID_' + name for at, name in OPTIONS if len(cells) > at and cells[at].strip())
    return value, mask, ACTIONS[cells[2]], options or '0', cells[1]


def main():
    rows = []
    for line in open(sys.argv[1], encoding='utf-8'):
        cells = line.rstrip('\n').split('\t')
        if not line.startswith('#') and len(cells) > 2 and cells[2] in ACTIONS:
            r = row(cells)
            if r:
                rows.append(r)
    rows.sort()
    print('/* SPDX-License-Identifier: MIT */')
    print('/* Made by tests/support/mkdeid.py: the Basic Profile of PS3.15 Annex E, table E.1-1. */')
    print('#include "format/deidentify.h"\n')
    print('const struct deid_row deid_table[] = {')
    for value, mask, action, options, name in rows:
        print(f'\t{{ 0x{value:08X}, 0x{mask:08X}, {action}, {options} }},')
    print('};\n')
    print('const unsigned deid_table_rows = sizeof deid_table / sizeof *deid_table;')


main()
