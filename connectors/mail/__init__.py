"""Mail: letters to customers, and the SMTP server that takes them."""
