"""Records encodings of a small byte-pair vocabulary, which it makes; needs `pip install tokenizers`.

usage: python3 tests/golden/recorder/byte_pairs.py
"""

import json
import os

from tokenizers import ByteLevelBPETokenizer

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "byte_pairs")

LEARNED = [
    "A seed is one instance of a blueprint in a slot, and the host is the network being trained.",
    "The seed's amplitude is in [0, 1]; it won't be 1 before it's earned, they'll say we've 12 seeds.",
    "Straße, Größe, naïve café; Ελληνικά, русский язык; 你好，世界。",
] * 8

TEXTS = LEARNED[:3] + [
    "",
    " ",
    "a",
    "  two blanks,   three, and a tail   ",
    "line\nbreaks\r\n\n  \ttabs\t\t\n",
    "I'm I'd you're they've she'll it's can't 'S 'quoted' ''s",
    "x1y22z333 ١٢٣ Ⅷ ½ 4²",
    "!!! ... -- (a)[b]{c} ¿qué? «oui» €5",
    "\u00a0no\u2003break\u3000space\u2028end",
    "emoji 👩‍👩‍👧 🎉🎉 e\u0301 क्षि",
    "\x00\x01\x7f\x80",
    "seedseedseedseedseed" * 20,
]


def main():
    os.makedirs(FOLDER, exist_ok=True)
    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(LEARNED, vocab_size=380, min_frequency=2, show_progress=False)
    tokenizer.save_model(FOLDER)
    loaded = ByteLevelBPETokenizer.from_file(
        os.path.join(FOLDER, "vocab.json"), os.path.join(FOLDER, "merges.txt")
    )
    encodings = [{"text": text, "ids": loaded.encode(text).ids} for text in TEXTS]
    with open(os.path.join(FOLDER, "encodings.json"), "w", encoding="ascii") as file:
        json.dump(encodings, file, indent=0)
        file.write("\n")


if __name__ == "__main__":
    main()
