#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Scanner data with what trusted tools make of it, where there is a folder of it: $CORPUS has check/score,
check/unpack and the packed cases. What each case must reach is in corpus.tsv, a percentage a check."""
import json
import os
import subprocess
import sys
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
corpus = os.environ.get('CORPUS') or os.path.join(here, '..', '..', '..', 'shared')
score, unpack = (os.path.join(corpus, 'check', name) for name in ('score', 'unpack'))
cases = os.environ.get('CASES') or 'build/corpus'


def main():
    if not os.access(score, os.X_OK):
        print('SKIP  real/corpus: no scanner data; CORPUS=DIR names a folder of it')
        return 0
    subprocess.run([unpack, cases], stdout=subprocess.DEVNULL, check=True)
    rows = [line.split() for line in open(os.path.join(here, 'corpus.tsv'), encoding='utf-8')
            if line.strip() and not line.startswith('#')]
    checks, passed, failed = rows[0][1:], 0, 0
    for case, *least in rows[1:]:
        with tempfile.NamedTemporaryFile() as out:
            subprocess.run([score, '--dcmfs', os.environ['DCMFS'], '--json', out.name,
                            os.path.join(cases, case)], stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=False)
            text = out.read()
        got = json.loads(text) if text else {}
        for check, percent in zip(checks, least):
            if percent == '-':
                continue
            good, of = got.get(check, (0, 1))
            if 100 * good >= float(percent) * of:
                passed += 1
            else:
                failed += 1
                print(f'FAIL  {case}: {check} {good} of {of}, not {percent} %')
    print(f'{passed} passed, {failed} failed')
    return failed != 0


if __name__ == '__main__':
    sys.exit(main())
