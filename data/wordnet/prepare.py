"""Makes the files of this folder from WordNet's.

    apt-get download wordnet-base && dpkg -x wordnet-base_*.deb wordnet
    python3 data/wordnet/prepare.py wordnet/usr/share/wordnet

Python 3.9 or later, nothing else.
"""

import gzip
import random
import re
import struct
import sys
from collections import Counter
from pathlib import Path

OFTEN = 5  # a word that is seen less often in all glosses is unknown
UNKNOWN = "<unknown>"
END = 0xFFFF  # stands after every gloss
PAIRS = 330_000


def main(source: Path) -> None:
    glosses = [words for part in ("noun", "verb", "adj", "adv") for words in read(source / f"data.{part}")]
    seen = Counter(word for words in glosses for word in words)
    known = {word for word, count in seen.items() if count >= OFTEN}
    counts = Counter(word if word in known else UNKNOWN for words in glosses for word in words)
    vocabulary = sorted(counts, key=lambda word: (-counts[word], word))
    number = {word: i for i, word in enumerate(vocabulary)}

    random.Random(0).shuffle(glosses)
    ids, pairs = [], 0
    for words in glosses:
        if pairs >= PAIRS:
            break
        ids += [number[word if word in known else UNKNOWN] for word in words] + [END]
        pairs += max(0, len(words) - 1)
    print(f"{len(vocabulary)} words, {pairs} pairs")

    here = Path(__file__).parent
    write(here / "vocabulary.txt.gz", "".join(f"{word}\n" for word in vocabulary).encode())
    write(here / "glosses-u16.gz", struct.pack(f"<{len(ids)}H", *ids))


def read(path: Path):
    """The words of every gloss: what follows the bar in a line of data; lines of the license begin with a blank."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith(" "):
            yield re.findall(r"[a-z0-9']+", line.split("|", 1)[1].lower())


def write(path: Path, content: bytes) -> None:
    path.write_bytes(gzip.compress(content, 9, mtime=0))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
