"""Letters: e-mails and Outlook messages, with what is enclosed in them."""
