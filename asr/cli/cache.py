"""What is kept of language models, lexicons and compiled code, so that the next start is quick.

  asr cache           where it is, what is in it
  asr cache --empty   remove it; it is made again when it is needed

The folder is $ASR_CACHE_DIR, else `asr` in the user's cache folder ($XDG_CACHE_HOME or ~/.cache on Linux).
"""

import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--empty", action="store_true", help="remove all files in it")


def run(arguments: argparse.Namespace) -> int:
    """List, or empty."""
    from asr.cache import cache_folder, cached_files, empty_cache
    from asr.cli.console import table

    if arguments.empty:
        count, size = empty_cache()
        print(f"{cache_folder()}: {count} files removed, {size / 1e6:.1f} MB")
        return 0
    files = cached_files()
    rows = [(path.relative_to(cache_folder()), f"{path.stat().st_size / 1e6:.1f} MB") for path in files]
    print(f"{cache_folder()}: {len(files)} files, {sum(path.stat().st_size for path in files) / 1e6:.1f} MB")
    if rows:
        print(table(rows))
    return 0
