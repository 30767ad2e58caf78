"""Files that tests make: documents of known sentences, and hostile ones."""

from __future__ import annotations

import zipfile
from pathlib import Path
from random import Random

from fpdf import FPDF

from engram.documents.interface import Chunk, Document

WORDS = (
    "memory record vector miner holds a copy of the text that was stored and proves it to any",
    "reader who asks for the same bytes again after the node has been restarted twice",
)


def sentences(count: int, seed: int = 0) -> list[str]:
    """Each with a number of its own, so that it can be looked for."""
    random = Random(seed)
    return [
        f"Sentence {number} says that "
        + " ".join(random.choices(" ".join(WORDS).split(), k=random.randint(6, 22)))
        + "."
        for number in range(count)
    ]


def pdf(path: Path, pages: list[list[str]], title: str = "") -> Path:
    """A PDF with one paragraph of sentences a page."""
    made = FPDF()
    made.set_title(title)
    made.set_font("Helvetica", size=11)
    for page in pages:
        made.add_page()
        made.multi_cell(0, 6, " ".join(page))
    made.output(str(path))
    return path


def encrypted_pdf(path: Path) -> Path:
    made = FPDF()
    made.set_encryption(owner_password="owner", user_password="user")
    made.set_font("Helvetica", size=11)
    made.add_page()
    made.cell(text="secret")
    made.output(str(path))
    return path


def scanned_pdf(path: Path) -> Path:
    """A first page of text, a second that is only a drawing."""
    made = FPDF()
    made.set_font("Helvetica", size=11)
    made.add_page()
    made.cell(text="The first page has text.")
    made.add_page()
    made.rect(20, 20, 60, 60, style="F")
    made.output(str(path))
    return path


DOCX_PARTS = {
    "[Content_Types].xml": '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/'
    'package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.'
    'openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/'
    'xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-'
    'officedocument.wordprocessingml.document.main+xml"/></Types>',
    "_rels/.rels": '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/'
    'package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/'
    'officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/>'
    "</Relationships>",
}


def docx(path: Path, paragraphs: list[str]) -> Path:
    """The smallest Word file that holds these paragraphs."""
    body = "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in paragraphs)
    document = (
        '<?xml version="1.0"?><w:document xmlns:w="http://schemas.openxmlformats.org/'
        f'wordprocessingml/2006/main"><w:body>{body}</w:body></w:document>'
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (DOCX_PARTS | {"word/document.xml": document}).items():
            archive.writestr(name, text)
    return path


def zip_bomb(path: Path, megabytes: int) -> Path:
    """A Word file whose one part unpacks to many megabytes of the same letter."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("word/document.xml", "w", force_zip64=True) as part,
    ):
        for _ in range(megabytes):
            part.write(b"a" * 2**20)
    return path


def gaps(document: Document, chunks: list[Chunk]) -> list[str]:
    """What stands in no chunk: white space, or there is a fault."""
    found, reached = [], 0
    for chunk in chunks:
        if chunk.start > reached:
            found.append(document.text[reached : chunk.start])
        reached = max(reached, chunk.end)
    return [*found, document.text[reached:]]
