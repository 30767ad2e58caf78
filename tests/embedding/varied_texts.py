"""Texts that differ in script, length and oddity."""

from __future__ import annotations

SENTENCE = "The harbour froze in the first week of January, and nothing sailed until the thaw. "

VARIED = [
    "",
    " ",
    "\n\t \r\n",
    "a",
    ".",
    "The cat sat on the mat.",
    "THE CAT SAT ON THE MAT.",
    "naïve café, Ångström, Übermut, cœur",
    "nai\u0308ve cafe\u0301",  # the accents apart
    "straße STRASSE ſtraße",
    "Быстрая коричневая лиса прыгает через ленивую собаку",
    "Η γρήγορη καφέ αλεπού πηδάει πάνω από το τεμπέλικο σκυλί",
    "敏捷的棕色狐狸跳过了懒狗",
    "素早い茶色の狐がのろまな犬を飛び越える",
    "날쌘 갈색 여우가 게으른 개를 뛰어넘는다",
    "الثعلب البني السريع يقفز فوق الكلب الكسول",
    "תוכנית המשחק השתנתה שוב",
    "तेज़ भूरी लोमड़ी आलसी कुत्ते के ऊपर कूदती है",
    "ไม่มีช่องว่างระหว่างคำในภาษาไทย",
    "😀 🎉 🚀 a rocket and a party",
    "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 joined and coloured",
    "\x00\x01\x02\x7f control characters \x1b[31m",
    "zero\u200bwidth\u200djoiner\ufeffmark\u2028line",
    "\ufffd\ufffe\uffff",
    "\U0010ffff \U000e0001 private \ue000",
    "[CLS] the model's own words [SEP] [MASK] [PAD] [UNK]",
    "x" * 100,
    "x" * 101,  # one letter more than a word may have: unknown
    "supercalifragilisticexpialidocious antidisestablishmentarianism",
    "don't can't won't it's o'clock",
    "https://example.org/a?b=c&d=%20e#f",
    "def f(x):\n    return {k: v for k, v in x.items() if v is not None}",
    '{"key": ["value", 1, 2.5e-3, null, true]}',
    "E = mc² ∫₀^∞ e^{-x²} dx = √π/2 ≈ 0.886",
    "1234567890 3.14159 1e400 -0 NaN Infinity",
    "①②③ ⅷ ﬁ ﬂ ™ ½",
    "a b c d e f g h i j k l m n o p q r s t u v w x y z",
    "!!! ??? ... --- ,,, ;;; ::: ((( )))",
    "tab\tseparated\tvalues\tin\ta\trow",
    "  spaces   at    both     ends  ",
    "𝕿𝖍𝖊 𝖖𝖚𝖎𝖈𝖐 𝖇𝖗𝖔𝖜𝖓 𝖋𝖔𝖝",
    "İstanbul IĞDIR ıssız",
    "a\u0300\u0301\u0302\u0303\u0304 stacked",
    "word " * 30,
    SENTENCE * 2,
    SENTENCE * 5,
    SENTENCE * 13,
    "word " * 254,  # the longest that is read whole
    "word " * 255,  # one too many
    "漢" * 300,
    ("The quick brown fox. " * 400)[:8192],
]
