"""The text of PDF pages, by pdfium; of scanned ones by OCR where that is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium

from engram.documents.plain import cleaned
from engram.errors import InvalidFile

PASSWORD = 4  # FPDF_ERR_PASSWORD
SOFT_HYPHEN = "\u00ad"
NOT_CHARACTERS = dict.fromkeys([0xFFFE, 0xFFFF])  # what pdfium gives for a hyphen at a line's end


def pages(path: Path) -> Iterator[dict[str, Any]]:
    """The number of pages and the title, then each page. Raises InvalidFile."""
    try:
        document = pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        raise refused(error) from None
    with document:
        yield {"pages": len(document), "title": title_of(document)}
        for number in range(1, len(document) + 1):
            yield {"page": number} | text_of(document, number)


def text_of(document: pdfium.PdfDocument, number: int) -> dict[str, str]:
    """A page's text, or why there is none though something stands on it."""
    try:
        page = document[number - 1]
    except pdfium.PdfiumError:
        return {"text": "", "problem": f"Page {number} is broken and cannot be read."}
    try:
        text_page = page.get_textpage()
        text = cleaned(text_page.get_text_bounded()).translate(NOT_CHARACTERS)
        text_page.close()
        if text.strip() or not has_something(page):
            return {"text": text, "problem": ""}
        return recognised(page, number)
    except pdfium.PdfiumError:
        return {"text": "", "problem": f"Page {number} is broken and cannot be read."}
    finally:
        page.close()


def has_something(page: pdfium.PdfPage) -> bool:
    """True if anything at all is drawn on a page without text."""
    return next(iter(page.get_objects(max_depth=1)), None) is not None


def recognised(page: pdfium.PdfPage, number: int) -> dict[str, str]:
    """What OCR reads on a scanned page."""
    from engram.documents import ocr

    if not ocr.is_installed():
        return {
            "text": "",
            "problem": f"Page {number} is a picture; to read it: pip install engram-network[ocr]",
        }
    lines = ocr.read(page.render(scale=ocr.DPI / 72).to_pil())
    return {"text": "\n".join(lines), "problem": "" if lines else f"Page {number} has no text."}


def title_of(document: pdfium.PdfDocument) -> str | None:
    found = cleaned(document.get_metadata_value("Title")).strip()
    return found or None


def refused(error: pdfium.PdfiumError) -> InvalidFile:
    if getattr(error, "err_code", None) == PASSWORD or "password" in str(error).lower():
        return InvalidFile("The PDF is encrypted. Save it without a password.")
    return InvalidFile("The PDF is broken: it has no readable structure.")
