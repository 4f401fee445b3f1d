"""Setting a letter: as plain text and as HTML that every mail program shows, without pictures, scripts or outside files."""

from html import escape
from typing import Final

from connectors.mail.letters import Letter

_TONES: Final = {"calm": "#12336b", "warning": "#9a5a05", "alarm": "#a11b1b"}
_FONT: Final = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
# A long name without a space must not make the page wider than a telephone.
_WRAPS: Final = "overflow-wrap:anywhere;word-break:break-word"
_WHY: Final = "You receive this as a contact of {customer} at OTPless. Your contacts, and what each is told, can be changed."


def as_text(letter: Letter, *, recipient: str, customer: str) -> str:
    """The letter for a reader of plain text."""
    room = max((len(name) for name, _ in letter.facts), default=0)
    facts = "\n".join(f"  {name.ljust(room)}  {value}" for name, value in letter.facts)
    parts = [f"Hello {recipient},", *letter.sentences, facts, "OTPless Billing", f"--\n{_WHY.format(customer=customer)}"]
    return "\n\n".join(part for part in parts if part) + "\n"


def as_html(letter: Letter, *, recipient: str, customer: str) -> str:
    """The letter as a page of its own; styles stand at the elements, since many programs drop everything else."""
    colour = _TONES[letter.tone]
    said = "".join(f'<p style="margin:0 0 14px">{escape(sentence)}</p>' for sentence in letter.sentences)
    rows = "".join(_row(name, value, last=place == len(letter.facts)) for place, (name, value) in enumerate(letter.facts, 1))
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        '<meta name="color-scheme" content="light">'
        f"<title>{escape(letter.subject)}</title></head>"
        f'<body style="margin:0;background:#f1f3f7;{_FONT};{_WRAPS};color:#1a1f29;font-size:15px;line-height:1.5">'
        '<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr><td align="center" '
        'style="padding:28px 12px"><table role="presentation" width="560" cellpadding="0" cellspacing="0" '
        'style="max-width:560px;width:100%;background:#ffffff;border-radius:8px;border-top:4px solid ' + colour + '">'
        f'<tr><td style="padding:28px 24px 8px;{_WRAPS}">'
        '<p style="margin:0 0 18px;color:#66708a;font-size:13px">OTPless Billing</p>'
        f'<h1 style="margin:0 0 18px;font-size:21px;line-height:1.3;color:{colour}">{escape(letter.heading)}</h1>'
        f'<p style="margin:0 0 14px">Hello {escape(recipient)},</p>{said}</td></tr>'
        '<tr><td style="padding:0 24px 26px"><table role="presentation" width="100%" cellpadding="0" cellspacing="0" '
        f'style="width:100%;border:1px solid #dfe3ea;border-radius:6px;border-spacing:0">{rows}</table></td></tr>'
        f'<tr><td style="padding:14px 24px 22px;{_WRAPS};'
        'border-top:1px solid #e8ebf0;color:#66708a;font-size:12px;line-height:1.45">'
        f"{escape(_WHY.format(customer=customer))}</td></tr></table></td></tr></table></body></html>\n"
    )


def _row(name: str, value: str, *, last: bool) -> str:
    line = "" if last else "border-bottom:1px solid #e8ebf0;"
    cell = f"padding:9px 14px;{line}font-size:14px;vertical-align:top;{_WRAPS}"
    return (
        f'<tr><td style="{cell};color:#66708a;width:38%">{escape(name)}</td>'
        f'<td style="{cell};font-weight:600">{escape(value)}</td></tr>'
    )
