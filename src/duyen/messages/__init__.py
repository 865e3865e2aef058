"""What is said: Liquid over MJML, tracked links, and the bytes of a mail."""
