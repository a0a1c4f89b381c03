#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""make bench: each figure as a ratio against its yardstick, in one table.

  --build DIR    where the programs are (build)
  --data DIR     where the files are that are read, made once (BUILD/bench/data)
  --size full    archives of 100,000 and 1,000,000 files, not of 20,000
  --rows 4,4a    only these
  --rounds N     pairs a row (5)
"""
import argparse
import glob
import json
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
from harness import (Bench, Mount, Row, Skip, children, files_under, line_of, need, report, run,  # noqa: E402
                     timed)

SLICE = 512 * 512 * 2


# -- the index -------------------------------------------------------------------------------------

def mount_only(b, src, fresh=True, **kw):
    """Seconds from exec to mounted, with an index that is made anew or found."""
    where = b.scratch('index')
    index = os.path.join(where, 'index.db')

    def once():
        if fresh:
            for f in glob.glob(index + '*'):
                os.unlink(f)
        with b.mount(src, index=index, **kw) as m:
            return m.ready
    return once


def floor(b, src, mode, threads):
    return lambda: timed([b.tool('scanfloor'), '-t', str(threads), '-m', mode, src])


def cold_index(b):
    src = b.data('archive')
    return mount_only(b, src), floor(b, src, '16384', b.cpus)


def cold_index_gdcm(b):
    need('gdcmscanner')
    src = b.data('archive')
    tags = ['-t', '8,60', '-t', '10,20', '-t', '20,d', '-t', '20,e']
    return mount_only(b, src), lambda: timed(['gdcmscanner', '-r', '-d', src, *tags])


def cold_index_dcm2niix(b):
    need('dcm2niix')
    src = b.data('archive')
    return mount_only(b, src), lambda: timed(['dcm2niix', '-n', '-1', '-f', '%s', src])


def dropped(b, once, src):
    def all_of_it():
        run([b.tool('scanfloor'), '-m', 'drop', src])
        return once()
    return all_of_it


def cold_cache(threads):
    def pair(b):
        src = b.data('archive')
        return dropped(b, mount_only(b, src), src), dropped(b, floor(b, src, '8192', threads), src)
    return pair


def remount(b):
    src = b.data('archive')
    return mount_only(b, src, fresh=False), floor(b, src, 'stat', b.cpus)


def empty_mount(b):
    """What a mount costs at least."""
    def once():
        with Mount([b.tool('nullfs'), '@'], 'd 0 \n') as m:
            return m.ready
    return once


def remount_whole(b):
    """Every file is looked at before: folders are not trusted to tell."""
    return mount_only(b, b.data('archive'), fresh=False), empty_mount(b)


def behind(b, index):
    """Seconds from exec to the top folder listed, while the archive is scanned behind."""
    def once():
        with b.mount(b.data('archive'), 'delay_scan', index=index) as m:
            start = time.monotonic()
            os.listdir(m.path)
            return m.ready + time.monotonic() - start
    return once


def remount_behind(b):
    index = os.path.join(b.scratch('index'), 'index.db')
    with b.mount(b.data('archive'), index=index):
        pass
    return behind(b, index), empty_mount(b)


def first_behind(b):
    return behind(b, 'none'), empty_mount(b)


def slow_disk(b):
    """How many of the waits for single files are left where a thousand are opened in 5 ms each."""
    src = b.data('archive1000')

    def once():
        with b.mount(src, env=b.slow_disk()) as m:
            return m.ready
    return once, lambda: 1000 * 0.005


def slow_volume(b):
    """The same of a volume whose slices are files each."""
    src = b.data('fmri')
    rel = os.path.join('nii', b.volume(src))
    n = sum(1 for _ in files_under(src))
    return (b.cold(lambda: b.mount(src, env=b.slow_disk()), lambda m: cat(b, m.at(rel))),
            lambda: n * 0.005)


# -- the first voxel, and volumes ------------------------------------------------------------------

def dcm2niix(b, src):
    need('dcm2niix')
    out = b.scratch('nii')

    def once():
        took = timed(['dcm2niix', '-b', 'n', '-z', 'n', '-f', 'x', '-o', out, src])
        for p in list(files_under(out)):
            os.unlink(p)
        return took
    return once


def first_voxel(name, slice_bytes):
    def pair(b):
        src = b.data(name)
        volume = b.volume(src)

        def once():
            with b.mount(src) as m:
                return m.ready + timed(b.reads('first', m.at('nii/' + volume), slice_bytes))
        return once, dcm2niix(b, src)
    return pair


def against_null(measure, command):
    """A command on a volume of ct, and on a file of the same size with nothing behind it."""
    def pair(b):
        src = b.data('ct')
        volume = b.volume(src)
        sources = list(files_under(src))

        def mounter():
            run(b.reads('cat', *sources))   # into the page cache, where they may not have stayed
            return b.mount(src)
        return (getattr(b, measure)(mounter, lambda m: command(b, m.at('nii/' + volume))),
                getattr(b, measure)(lambda: b.null(src, 'nii'), lambda m: command(b, m.at(volume))))
    return pair


def cat(b, path):
    return b.reads('cat', path)


def whole(b, name):
    """The largest volume of a set, all of it."""
    src = b.data(name)
    volume = b.volume(src)
    return b.cold(lambda: b.mount(src), lambda m: cat(b, m.at('nii/' + volume)))


def converted(b):
    """A volume whose samples are of 12 bits, to be extended by their sign, against one of 16."""
    return whole(b, 'ct_12bit'), whole(b, 'ct')


def peer(b):
    """The header of a volume of 105 MB in the one other file system of this kind. It lists nothing, so its names have
    to be known; what it keeps of the folder is made by a first look that is not counted."""
    src = b.data('ct_12bit200')
    volume = b.volume(src)
    theirs = 'BENCH^PATIENT 0001/20200102_090000/2/2.nii'

    def seconds(mounter, name):
        def once():
            with mounter() as m:
                os.stat(m.at(name))
                return timed(['head', '-c', '352', m.at(name)])
        return once
    return seconds(lambda: b.mount(src), 'nii/' + volume), seconds(lambda: b.dicomfs(src), theirs)


def cat_sources(b):
    sources = list(files_under(b.data('ct')))
    return (whole(b, 'ct'),
            lambda: timed(b.reads('cat', *sources)))


def second_cat(b):
    src = b.data('ct')
    volume = b.volume(src)
    copy = os.path.join(b.scratch('copy'), 'copy.nii')
    with b.mount(src) as m:
        shutil.copyfile(m.at('nii/' + volume), copy)
    return (b.warm(lambda: b.mount(src), lambda m: cat(b, m.at('nii/' + volume))),
            lambda: timed(cat(b, copy)))


def fmri_sources(b):
    src = b.data('fmri')
    return (whole(b, 'fmri'),
            lambda: timed(f'find {src} -type f -print0 | xargs -0 cat'))


def whole_dcm2niix(name):
    def pair(b):
        return whole(b, name), dcm2niix(b, b.data(name))
    return pair


def codec_loop(name, kind, threads):
    def pair(b):
        frames = b.frames(name)
        n = threads or b.cpus
        return (whole(b, name),
                lambda: timed([b.tool('codecloop'), kind, str(n), frames]))
    return pair


def rle_and_read(b):
    """A plain loop over the segments, and the reading of as many bytes through FUSE."""
    ours, loop = codec_loop('ct_rle', 'rle', 1)(b)
    src = b.data('ct_rle')
    volume = b.volume(src)
    null = b.cold(lambda: b.null(src, 'nii'), lambda m: cat(b, m.at(volume)))
    return ours, lambda: loop() + null()


def dcmdjpeg(b):
    """DCMTK decodes a file a process: processor time of a hundred of those, less a hundred of next to no pixels."""
    need('dcmdjpeg')
    src = b.data('ct_jpll')
    volume = b.volume(src)
    out = b.scratch('dcmdjpeg')
    small = os.path.join(out, 'small.dcm')
    run([b.tool('mkarchive'), 'tiny', os.path.join(out, 'tiny'), '1'])
    run(['dcmcjpeg', '+e1', next(files_under(os.path.join(out, 'tiny'))), small])

    def spent(paths):
        before = children()
        for p in paths:
            run(['dcmdjpeg', p, os.path.join(out, 'x.dcm')])
        return children() - before

    def theirs():
        paths = list(files_under(src))
        return spent(paths) - spent([small] * len(paths))
    return b.cold_cpu(lambda: b.mount(src), lambda m: cat(b, m.at('nii/' + volume))), theirs


def decoded_once(b):
    """How often a frame was decoded while the volume was read in order, a slice."""
    src = b.data('ct_j2k')
    volume = b.volume(src)

    def once():
        with b.mount(src) as m:
            run(cat(b, m.at('nii/' + volume)))
            with open(m.at('.dcmfs/status.json'), encoding='utf-8') as f:
                return json.load(f)['frames']['decoded'] / 100
    return once, 3


# -- text ------------------------------------------------------------------------------------------

GREP = 'grep -rc "EchoTime = 2.98" {} >/dev/null; true'


def grep_null(measure):
    def pair(b):
        src = b.data('archive10000')
        return (getattr(b, measure)(lambda: b.mount(src), lambda m: GREP.format(m.at('headers'))),
                getattr(b, measure)(lambda: b.null(src, 'headers'), lambda m: GREP.format(m.path)))
    return pair


def grep_slow_disk(b):
    """How many of the waits for single files are left, of 5 ms each."""
    src = b.data('archive1000')
    return (b.cold(lambda: b.mount(src, env=b.slow_disk()), lambda m: GREP.format(m.at('headers'))),
            lambda: 1000 * 0.005)


def grep_dcmdump(b):
    need('dcmdump')
    src = b.data('archive10000')
    return (b.cold(lambda: b.mount(src), lambda m: GREP.format(m.at('headers'))),
            lambda: timed(f'dcmdump +sd +r {src} | grep -c EchoTime'))


def grep_dcmdump_each(b):
    need('dcmdump')
    src = b.data('archive1000')
    return (b.cold(lambda: b.mount(src), lambda m: GREP.format(m.at('headers'))),
            lambda: timed(f'find {src} -name "*.dcm" | xargs -n1 dcmdump | grep -c EchoTime'))


# -- names -----------------------------------------------------------------------------------------

def copy_of_names(b, src, rel):
    """In memory, a folder with the names and sizes that one of the mount has, and as deep: ls walks the
    whole path for each name."""
    top = b.scratch('names')
    os.makedirs(os.path.join(top, rel))
    with b.mount(src) as m:
        for e in os.scandir(m.at(rel)):
            with open(os.path.join(top, rel, e.name), 'w') as f:
                f.truncate(e.stat().st_size)
    return top


def listing(command, against, measure='cold', theirs='cold'):
    def pair(b):
        src = b.data('fmri')
        rel = b.folder(src, 'dicom')
        top = copy_of_names(b, src, rel)
        ours = getattr(b, measure)(lambda: b.mount(src), lambda m: command.format(m.at(rel)))
        if against == 'tmpfs':
            return ours, lambda: timed(command.format(os.path.join(top, rel)))
        return ours, getattr(b, theirs)(lambda: b.passthrough(top), lambda m: command.format(m.at(rel)))
    return pair


def find_all(b):
    src = b.data('archive')
    return (b.cold(lambda: b.mount(src), lambda m: f'find {m.at("dicom")}'),
            lambda: timed(f'find {src}'))


# -- memory and rest -------------------------------------------------------------------------------

def rss_per_instance(b):
    src, one = b.data('archive'), b.data('archive1')

    def once():
        with b.mount(one) as m:
            empty = m.rss()
        with b.mount(src) as m:
            return (m.rss() - empty) / b.archive_files
    return once, 3


def million(b):
    if b.size != 'full':
        raise Skip('with BENCH=full')
    src = b.data('archive1000000')

    def once():
        with b.mount(src) as m:
            return m.rss() / 1e6
    return (once,)


def shows_after(b):
    """Seconds from a file that is closed in one of many folders to its patient's name in the mount."""
    src = b.data('archive1000000' if b.size == 'full' else 'archive')
    model = next(files_under(src))
    added = os.path.join(os.path.dirname(model), 'added.dcm')

    def once():
        with open(model, 'rb') as f:
            text = f.read().replace(b'P0001', b'Added')
        with b.mount(src) as m:
            os.listdir(m.at('dicom'))
            time.sleep(3)       # a mount that is left alone
            try:
                with open(added, 'wb') as f:
                    f.write(text)
                start = time.monotonic()
                while 'Added' not in os.listdir(m.at('dicom')) and time.monotonic() < start + 60:
                    time.sleep(0.02)
                return time.monotonic() - start
            finally:
                os.unlink(added)
    return once, 3


def index_bytes(b):
    src = b.data('archive')
    where = b.scratch('index')

    def once():
        with b.mount(src, index=os.path.join(where, 'index.db')):
            time.sleep(1)
        size = sum(os.path.getsize(p) for p in files_under(where))
        if not size:
            raise Skip('no index was written')
        return size / b.archive_files
    return (once,)


def rss_of_reading(name):
    def pair(b):
        src = b.data(name)
        volume = b.volume(src)

        def once():
            with b.mount(src) as m:
                before = m.rss()
                run(cat(b, m.at('nii/' + volume)))
                return (m.rss() - before) / 2 ** 20
        return once, 3
    return pair


def bytes_per_name(b):
    src = b.data('archive')

    def once():
        with b.mount(src) as m:
            before = m.rss()
            run(f'ls -lR {m.at("dicom")}')
            return max(0, m.rss() - before) / b.archive_files
    return once, 3


def idle(b):
    src = b.data('ct')

    def once():
        with b.mount(src) as m:
            before = m.cpu()
            time.sleep(10)
            return m.cpu() - before
    return (once,)


ROWS = [
    Row('1', 'index an archive, exec to mounted', 'open, read 16 KiB, close each', 2.0, 1.4, cold_index),
    Row('1a', 'the same', 'gdcmscanner, 4 tags', 0.25, 0.12, cold_index_gdcm),
    Row('1b', 'the same', 'dcm2niix -n -1', 0.07, 0.03, cold_index_dcm2niix),
    Row('1c', 'the same, page cache cold', 'read 8 KiB each, 1 thread', 0.4, 0.25, cold_cache(1)),
    Row('1c+', 'the same, page cache cold', 'read 8 KiB each, 32 threads', 1.5, 1.2, cold_cache(32)),
    Row('1d', 'index 1,000 files, 5 ms an open', 'one after another', 0.08, 0.05, slow_disk),
    Row('2', 'mount again, index saved', 'stat each', 1.5, 1.15, remount),
    Row('2a', 'mount again with delay_scan, root listed', 'mount an empty file system', 6, 3, remount_behind),
    Row('2a+', 'mount again, index saved', 'mount an empty file system', None, None, remount_whole),
    Row('2b', 'first mount with delay_scan, root listed', 'mount an empty file system', 5, 2, first_behind),
    Row('3', 'mount to first slice, CT', 'dcm2niix, whole run', 0.08, 0.04, first_voxel('ct', SLICE)),
    Row('3a', 'mount to first slice, fMRI', 'dcm2niix, whole run', 0.10, 0.06, first_voxel('fmri', 8192)),
    Row('3b', 'mount to first slice, JPEG 2000', 'dcm2niix, whole run', 0.06, 0.03,
        first_voxel('ct_j2k', SLICE)),
    Row('3c', 'mounted to first slice, CT', 'empty file system', 2.0, 1.4,
        against_null('cold', lambda b, p: b.reads('first', p, SLICE)), pinned=True),
    Row('4', 'cat x.nii, CT', 'empty file system', 1.6, 1.35, against_null('cold', cat), pinned=True),
    Row('4a', 'its CPU time', 'empty file system', 1.5, 1.3, against_null('cold_cpu', cat), pinned=True),
    Row('4b', 'cat x.nii, CT', 'cat of the sources', 2.6, 2.0, cat_sources),
    Row('4c', 'cat x.nii, CT of 12 bits', 'cat x.nii, CT of 16 bits', 1.3, 1.1, converted, pinned=True),
    Row('4d', 'the second cat x.nii', 'cat from memory', 1.15, 1.05, second_cat),
    Row('4e', 'cat x.nii, fMRI', 'cat of the sources', 0.6, 0.35, fmri_sources),
    Row('4f', 'cat x.nii, fMRI', 'dcm2niix, whole run', 0.1, 0.06, whole_dcm2niix('fmri')),
    Row('4g', '2,000 random reads of 4 KiB', 'empty file system', 1.8, 1.4,
        against_null('cold', lambda b, p: b.reads('random', p, 4096, 2000)), pinned=True),
    Row('4g+', '200 random slices', 'empty file system', 1.6, 1.3,
        against_null('cold', lambda b, p: b.reads('random', p, SLICE, 200)), pinned=True),
    Row('4h', 'cat x.nii, fMRI, 5 ms an open', 'one after another', 0.15, 0.1, slow_volume),
    Row('5', 'cat x.nii, JPEG 2000', 'OpenJPEG alone, every CPU', 1.25, 1.1, codec_loop('ct_j2k', 'j2k', 0)),
    Row('5a', 'the same', 'OpenJPEG alone', 1.12, 1.06, codec_loop('ct_j2k', 'j2k', 1), pinned=True),
    Row('5b', 'the same', 'dcm2niix', 0.65, 0.5, whole_dcm2niix('ct_j2k')),
    Row('5c', 'cat x.nii, lossless JPEG', 'dcm2niix', 0.5, 0.3, whole_dcm2niix('ct_jpll'), pinned=True),
    Row('5c+', 'its CPU time', 'dcmdjpeg of each, without its start', 1.3, 0.8, dcmdjpeg, pinned=True),
    Row('5d', 'cat x.nii, JPEG-LS', 'CharLS alone', 1.2, 1.1, codec_loop('ct_jls', 'jls', 1), pinned=True),
    Row('5e', 'cat x.nii, RLE', 'a plain loop, and the empty file system', 1.5, 1.2, rle_and_read, pinned=True),
    Row('5f', 'decoded frames a slice', '', 1.0, 1.0, decoded_once, absolute=True),
    Row('6', 'grep -r of 10,000 dumps', 'empty file system', 2.5, 1.8, grep_null('cold'), pinned=True),
    Row('6a', 'the same', 'dcmdump +sd +r, grep', 0.2, 0.1, grep_dcmdump, pinned=True),
    Row('6b', 'grep -r of 1,000 dumps', 'dcmdump of each, grep', 0.01, 0.004, grep_dcmdump_each, pinned=True),
    Row('6c', 'the second grep -r of 10,000', 'empty file system', 1.2, 1.05, grep_null('warm'), pinned=True),
    Row('6d', 'grep -r of 1,000 dumps, 5 ms an open', 'one after another', 0.25, 0.15, grep_slow_disk),
    Row('7', 'ls -l, 10,800 files, first', 'passthrough_ll', 0.35, 0.2,
        listing('ls -l {}', 'passthrough'), pinned=True),
    Row('7a', 'ls -l again', 'ls -l in memory', 1.1, 0.8, listing('ls -l {}', 'tmpfs', 'warm'), pinned=True),
    Row('7b', 'find -size, first', 'passthrough_ll', 0.5, 0.25,
        listing('find {} -size +1M', 'passthrough'), pinned=True),
    Row('7c', 'find, first', 'find in memory', 6.0, 4.0, listing('find {}', 'tmpfs'), pinned=True),
    Row('7c+', 'find again', 'find in memory', 1.2, 0.9, listing('find {}', 'tmpfs', 'warm'), pinned=True),
    Row('7d', 'find of all of dicom/, first', 'find of the sources', 10, 6, find_all),
    Row('8', 'memory an instance', '', 450, 250, rss_per_instance, absolute=True, unit='B'),
    Row('8a', 'memory of 1,000,000 instances', '', 500, 300, million, absolute=True, unit='MB'),
    Row('8b', 'index file an instance', '', 350, 200, index_bytes, absolute=True, unit='B'),
    Row('8c', 'memory for reading a CT', '', 16, 8, rss_of_reading('ct'), absolute=True, unit='MiB'),
    Row('8c+', 'memory for reading JPEG 2000', '', 64, 32, rss_of_reading('ct_j2k'), absolute=True, unit='MiB'),
    Row('8d', 'memory a listed name', '', 16, 1, bytes_per_name, absolute=True, unit='B'),
    Row('8e', 'a new file shows after', '', 2.0, 1.7, shows_after, absolute=True, unit='s'),
    Row('9', 'CPU time of 10 idle seconds', '', 0.01, 0.001, idle, absolute=True, unit='s'),
    Row('10', 'header of a volume of 105 MB', 'nib-dicomfs', 0.02, 0.005, peer),
]


def main():
    ap = argparse.ArgumentParser(usage=__doc__)
    ap.add_argument('--build', default='build')
    ap.add_argument('--data')
    ap.add_argument('--size', default='quick')
    ap.add_argument('--rounds', type=int, default=5)
    ap.add_argument('--rows', default='')
    args = ap.parse_args()
    bench = Bench(args.build, args.size, args.rounds, args.data)
    wanted = set(filter(None, args.rows.split(',')))
    results = []
    for row in ROWS:
        if wanted and row.key not in wanted:
            continue
        try:
            got = bench.measure(row)
        except (Skip, OSError, subprocess.SubprocessError) as e:
            got = e if isinstance(e, Skip) else Skip(str(e))
        bench.clean_up()
        results.append((row, got))
        cells = line_of(row, got)
        print(f'{cells[0]:<4}{cells[1][:38]:<40}{cells[2][:38]:<40}{cells[3]:>11}  {cells[4]:<16}'
              f'must {cells[5]:<6}{cells[7]}', flush=True)
    path = os.path.join(args.build, 'bench.md')
    missed = report(bench, results, path)
    print(f'{path}: {len(results)} rows, {missed} over their must')


if __name__ == '__main__':
    main()
