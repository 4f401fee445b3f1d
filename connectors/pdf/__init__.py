"""PDF: the printed tax invoice, drawn with reportlab."""
